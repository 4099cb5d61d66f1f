/*
 * json_read: JSON that others wrote, as values of jansson: what a CRM answers
 * is repaired, what a client asks for is checked.
 *
 * Jansson does not read texts that are no valid UTF-8 (CRMs cut emojis in half
 * and pass on other encodings), a NUL in a name, and numbers that are too
 * large. One such value must not make a whole answer unreadable.
 */
#ifndef COMMON_TEXT_JSON_READ_H
#define COMMON_TEXT_JSON_READ_H

#include "common/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads JSON of a CRM; a byte order mark is skipped. If it cannot be read as it
 * is, bytes that are no UTF-8, and escapes of half surrogates and of NUL,
 * become U+FFFD; whole numbers of 19 digits and more, and others beyond a
 * double, become strings. A new reference, the caller's; NULL and *e: it is not
 * JSON. *repaired becomes true if there was text that is not UTF-8. */
json_t *json_read_repaired(const char *text, size_t len, bool *repaired,
    json_error_t *e) __attribute__((warn_unused_result));

struct json_read_error {
	const char *what; /* NULL: it is not UTF-8, or nested too deep */
	size_t at;        /* where, in characters */
};

/* Reads the JSON of a request or a token: UTF-8, and no name twice in an
 * object. Values are what a record can hold: \u0000 and half of a surrogate
 * pair are U+FFFD, and a number beyond 64 bits or a double is the nearest that
 * a double has. What must stay as it is written is taken from the text
 * (flat.h). A new reference, the caller's; NULL and *wrong. */
json_t *json_read_strictly(const char *text, size_t len,
    struct json_read_error *wrong) __attribute__((warn_unused_result));

#endif
