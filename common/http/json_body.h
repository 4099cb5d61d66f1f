/*
 * json_body: reads the JSON of a request strictly: UTF-8, complete, no
 * duplicate names, nested JSON_BODY_DEPTH deep at most. Errors have the words
 * and positions of Python's json, as in the original service.
 *
 * The values are what a record can hold: \u0000 and half of a surrogate pair
 * are U+FFFD, and a number beyond 64 bits or a double is the nearest that these
 * have. What must stay as it is written is taken from the text (flat.h).
 */
#ifndef COMMON_HTTP_JSON_BODY_H
#define COMMON_HTTP_JSON_BODY_H

#include "common/base/buf.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_BODY_DEPTH 50

struct json_body_error {
	const char *what; /* "Expecting value"; NULL: it is not UTF-8, or
			     nested too deep */
	size_t at;        /* its position in characters */
};

/* A new reference, the caller's; NULL and *f. */
json_t *json_body_read(const char *text, size_t len, struct json_body_error *f)
    __attribute__((warn_unused_result));

/* Appends its text: members in their order, numbers in the shortest form that
 * reads as the same number. */
void json_body_write(struct buf *b, json_t *v);

#endif
