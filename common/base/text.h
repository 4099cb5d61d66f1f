/*
 * text: a borrowed piece of text with its length, not NUL-ended; mostly a part
 * of a line that was read.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	const char *p; /* NULL: absent */
	size_t len;
};

/* One of 0 to 9, whatever the locale. */
static inline bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Equal to a C string; false when absent. */
bool text_is(struct text t, const char *s);
/* True when a NULL-ended list has the string. */
bool text_is_listed(const char *s, char *const *list);
/* Order by bytes, as of strcmp(); an absent text counts as empty. */
int text_compare(struct text a, struct text b);
/* It matches 0|[1-9][0-9]*. */
bool id_is_number(const char *s, size_t len);
/* The order of ids in messaging-metrics(7), which everything that sorts by id
 * uses: numbers come first, by value, of any length; all others follow, by
 * bytes. <0, 0, >0. */
int id_compare(const char *a, size_t a_len, const char *b, size_t b_len);
/* True when no control character of ASCII is among these bytes. */
bool text_is_printable(const char *p, size_t len);
/* As no id does: for the database 'a' and 'a ' are equal. */
bool text_ends_with_blank(const char *p, size_t len);
/* A NUL-ended copy, owned; NULL when absent. */
char *text_dup(struct text t);

#endif
