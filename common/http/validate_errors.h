/*
 * validate_errors: what is wrong with a request, all at once, in the words of
 * the original service and its validator (FastAPI, pydantic 2.5):
 * {"detail":[{"type":..,"loc":[..],"msg":..,"input":..}]}.
 */
#ifndef COMMON_HTTP_VALIDATE_ERRORS_H
#define COMMON_HTTP_VALIDATE_ERRORS_H

#include "common/http/web.h"

#include <jansson.h>
#include <stdbool.h>
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
	struct buf first; /* one sentence: "sender_id: Field required" */
	bool by_type;     /* the first is of a value of the wrong type */
};

#define VALIDATE_ERRORS 100

void validate_release(struct validate_errors *f);

/* Adds an error. input may be NULL (null); ctx is JSON text or NULL. */
void validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *type, const char *msg, json_t *input, const char *ctx);

/* The same of a text that does not match the pattern. */
void validate_mismatch(struct validate_errors *f,
    const struct validate_place *at, json_t *input, const char *pattern);

/* Makes the answer the list of them, with status 422. */
void validate_answer(const struct validate_errors *f, struct web_answer *a);

#endif
