/*
 * validate_errors: lists all errors in a request:
 * {"detail":[{"loc":["body","id"],"msg":"is missing"}]}.
 */
#ifndef COMMON_HTTP_VALIDATE_ERRORS_H
#define COMMON_HTTP_VALIDATE_ERRORS_H

#include "common/http/web.h"

#include <stddef.h>

/* The path of a value, from the inside out. */
struct validate_place {
	const struct validate_place *in; /* the enclosing place; NULL: none */
	const char *name;                /* NULL: an index */
	size_t index;
};

/* The errors. A zeroed struct has none. */
struct validate_errors {
	struct buf list;  /* JSON objects, separated by commas */
	size_t n;         /* number of errors; those above VALIDATE_ERRORS are
			   * not listed */
	struct buf first; /* the first error as a sentence: "sender_id is
			   * missing" */
};

#define VALIDATE_ERRORS 100

void validate_release(struct validate_errors *f);

/* Adds an error. The text follows the name of the place. */
void validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Answers with the list, with status 422. */
void validate_answer(const struct validate_errors *f, struct web_answer *a);

#endif
