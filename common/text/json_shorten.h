/*
 * json_shorten: cuts the long strings of JSON text, so that what reads all of
 * it has less to do: a webhook with an e-mail has its text and its HTML many
 * times over.
 *
 * Only strings are looked at: what is JSON stays JSON, and a text that does not
 * end stays one. A string is cut at its end, between two characters: not inside
 * one of UTF-8, an escape, or a pair of escaped surrogates.
 */
#ifndef COMMON_TEXT_JSON_SHORTEN_H
#define COMMON_TEXT_JSON_SHORTEN_H

#include "common/base/buf.h"

#include <stddef.h>

/* Appends the text with at most so many bytes of each string, as it is written
 * between its quotes. Takes time in proportion to len. */
void json_shorten(const char *text, size_t len, size_t most, struct buf *to);

#endif
