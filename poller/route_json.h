/*
 * route_json: the JSON of a request, read strictly: UTF-8, whole, no name
 * twice, whole numbers exact, nothing nested deeper than ROUTE_JSON_DEPTH, no
 * text that a record could not hold (U+0000, half surrogates). What is wrong
 * is said in the words and at the place of Python's json, as the original
 * service does.
 */
#ifndef POLLER_ROUTE_JSON_H
#define POLLER_ROUTE_JSON_H

#include "common/buf.h"

#include <jansson.h>
#include <stddef.h>

#define ROUTE_JSON_DEPTH 50

struct json_fault {
	const char *what; /* "Expecting value"; NULL: nobody can read it, as
			     it is no UTF-8, or too deep */
	size_t at;        /* in characters */
};

/* NULL and *f. The caller's reference. */
json_t *route_json_read(const char *text, size_t len, struct json_fault *f)
    __attribute__((warn_unused_result));

/* Its text, appended: members in their order, numbers as short as they can be
 * and still be the same. */
void route_json_write(struct buf *b, json_t *v);

/* A number as Python would write it: 5.0, 0.1. */
void route_json_real(struct buf *b, double d);

#endif
