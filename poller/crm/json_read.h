/*
 * json_read: JSON from outside as values of jansson: responses of a CRM are
 * repaired, and requests of clients are checked.
 *
 * Jansson does not read texts that are not valid UTF-8 (CRMs split emojis and
 * pass on other encodings) or contain a NUL, and numbers that are too large.
 * One such value must not make a whole answer unreadable.
 */
#ifndef POLLER_CRM_JSON_READ_H
#define POLLER_CRM_JSON_READ_H

#include "common/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads JSON from a CRM; skips a byte order mark. If it cannot be read as it
 * is, bytes that are not UTF-8, and escapes of half surrogates and of NUL,
 * become U+FFFD; integers of 19 digits and more, and other numbers that exceed
 * a double, become strings. Returns a new reference, or NULL and *why if it is
 * not JSON. */
json_t *json_read_repaired(const char *text, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

struct json_read_error {
	const char *what; /* NULL: not UTF-8, or nested too deeply */
	size_t at;        /* position in characters */
};

/* Reads the JSON of a request, which must be UTF-8 without repeated
 * names in an object. Values are converted to those that a record can contain:
 * \u0000 and half of a surrogate pair become U+FFFD, and a number that exceeds
 * 64 bits or a double becomes the nearest double. Returns a new reference, or
 * NULL and *wrong. */
json_t *json_read_strictly(const char *text, size_t len,
    struct json_read_error *wrong) __attribute__((warn_unused_result));

#endif
