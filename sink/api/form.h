/*
 * form: the names and values of a query or an HTML form: name=value&name=value,
 * percent-encoded, with a plus for a space.
 */
#ifndef SINK_API_FORM_H
#define SINK_API_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Further members are ignored. */
#define FORM_MAX 64

/* Texts in the decoded form. */
struct form {
	const char *names[FORM_MAX], *values[FORM_MAX];
	size_t n;
	bool cut; /* a text has a NUL, which hides the rest */
};

/* Splits and decodes text in place; it must outlive f. The value of a member
 * without = is NULL. Invalid percent-encoding stays as it is. */
void form_split(struct form *f, char *text);

/* Returns the value of the first member with that name, or NULL. */
const char *form_value(const struct form *f, const char *name);

#endif
