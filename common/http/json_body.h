/*
 * json_body: the JSON of a request, read strictly: UTF-8, whole, no name
 * twice, whole numbers exact, nothing nested deeper than JSON_BODY_DEPTH, no
 * text that a record could not hold (U+0000, half surrogates). What is wrong
 * is said in the words and at the place of Python's json, as the original
 * service does.
 */
#ifndef COMMON_HTTP_JSON_BODY_H
#define COMMON_HTTP_JSON_BODY_H

#include "common/base/buf.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_BODY_DEPTH 50

struct json_fault {
	const char *what; /* "Expecting value"; NULL: nobody can read it, as
			     it is no UTF-8, or too deep */
	size_t at;        /* in characters */
};

/* NULL and *f. The caller's reference. */
json_t *json_body_read(const char *text, size_t len, struct json_fault *f)
    __attribute__((warn_unused_result));

/* Its text, appended: members in their order, numbers as short as they can be
 * and still be the same. */
void json_body_write(struct buf *b, json_t *v);

#endif
