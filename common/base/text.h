/*
 * text: some bytes that are somebody else's, in a line that was read most of
 * the time; not NUL-ended.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	const char *p; /* NULL: absent */
	size_t len;
};

/* Equality with a C string; order by bytes, of which a beginning is less, as of
 * strcmp(), an absent one as if empty; and a copy (owned; NULL when absent). */
bool text_is(struct text t, const char *s);
int text_compare(struct text a, struct text b);
char *text_dup(struct text t);

#endif
