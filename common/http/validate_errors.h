/*
 * validate_errors: what is wrong with a request, all at once:
 * {"detail":[{"loc":["body","id"],"msg":"is missing"}]}.
 */
#ifndef COMMON_HTTP_VALIDATE_ERRORS_H
#define COMMON_HTTP_VALIDATE_ERRORS_H

#include "common/http/web.h"

#include <stddef.h>

/* The path of a value, from the innermost outwards. */
struct validate_place {
	const struct validate_place *in; /* NULL: the outermost */
	const char *name;                /* NULL: an index */
	size_t index;
};

/* The errors. Zeroed: none. */
struct validate_errors {
	struct buf list;  /* the JSON objects, parted by commas */
	size_t n;         /* all; those beyond VALIDATE_ERRORS are not listed */
	struct buf first; /* one sentence: "sender_id is missing" */
};

#define VALIDATE_ERRORS 100

void validate_release(struct validate_errors *f);

/* Adds an error. The text goes on behind the name of the place. */
void validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Makes the answer the list of them, with status 422. */
void validate_answer(const struct validate_errors *f, struct web_answer *a);

#endif
