/*
 * utf8_repair: makes an answer readable that is JSON but for its text: real
 * CRMs cut emojis in half and let other encodings in, and one such message must
 * not hide all others.
 */
#ifndef POLLER_PROFILE_UTF8_REPAIR_H
#define POLLER_PROFILE_UTF8_REPAIR_H

#include "common/base/buf.h"

#include <stddef.h>

/* Appends text to out; bytes that are no UTF-8 and escapes of half surrogates
 * become U+FFFD, and whole numbers of 19 digits and more become strings. */
void utf8_repair_json(struct buf *out, const char *text, size_t len);

#endif
