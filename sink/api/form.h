/*
 * form: the names and values of a query or of an HTML form:
 * name=value&name=value, percent-encoded, a plus for a blank.
 */
#ifndef SINK_API_FORM_H
#define SINK_API_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Further ones are left out. */
#define FORM_MAX 64

/* Texts of the form that was taken apart. */
struct form {
	const char *names[FORM_MAX], *values[FORM_MAX];
	size_t n;
	bool cut; /* a text has a NUL, which hides what is behind it */
};

/* Takes text apart and decodes it, in place; it must outlive f. A member
 * without a = has no value, NULL; what is not percent-encoded right stays as it
 * is. */
void form_split(struct form *f, char *text);

/* The value of the first member of that name, or NULL. */
const char *form_value(const struct form *f, const char *name);

#endif
