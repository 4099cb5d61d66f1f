/*
 * validate: checks a JSON value by a table of fields, and reports all errors at
 * once. The tables stand beside the routes, in route_*.c; here is only what
 * kinds of fields there are. The description of the API is made of them, too.
 * Weighed: json_unpack_ex of jansson, which ends at the first error.
 */
#ifndef POLLER_ROUTES_VALIDATE_H
#define POLLER_ROUTES_VALIDATE_H

#include "common/base/xalloc.h"
#include "common/http/validate_errors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum validate_kind {
	VALIDATE_ID,     /* text of 1..max bytes, no control characters,
			   no blank at its end */
	VALIDATE_NAME,   /* the same, or empty */
	VALIDATE_TEXT,   /* of up to max characters */
	VALIDATE_WORD,   /* one of words */
	VALIDATE_NUMBER, /* a number, or a text that is one */
	VALIDATE_OBJECT,
	VALIDATE_LIST, /* of up to max items */
};

enum validate_need {
	VALIDATE_REQUIRED,
	VALIDATE_OPTIONAL, /* null is the same as absent */
	VALIDATE_DEFAULT,  /* may be absent, not null */
};

struct validate_field {
	const char *name;
	enum validate_kind kind;
	enum validate_need need;
	size_t max;               /* 0: no limit */
	const char *const *words; /* NULL-ended */
};

/* The fields of a body, or of an object in it. */
struct validate_model {
	const char *name; /* of its schema in the description */
	const struct validate_field *fields;
	size_t n;
};

#define VALIDATE_FIELDS 8 /* the most of a model */

/* A model of a table of fields. */
#define VALIDATE_MODEL(name, fields)                                           \
	{                                                                      \
		name, fields, ARRAY_LEN(fields)                                \
	}

/* Checks v, which stands at. values[i] is what the i-th field has, borrowed;
 * NULL: absent, null, or wrong. */
void validate_object(struct validate_errors *f, const struct validate_place *at,
    const struct validate_model *m, json_t *v, json_t **values);

/* The number of a value that VALIDATE_NUMBER accepts. */
double validate_number(const json_t *v);

/* True for a text that VALIDATE_ID accepts. */
bool validate_is_id(const char *s, size_t len, size_t max);

#endif
