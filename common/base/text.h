/*
 * text: a borrowed piece of text with its length, without a NUL; usually part
 * of an input line.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	const char *p; /* NULL: absent */
	size_t len;
};

/* The text of a C string. */
static inline struct text
text_from(const char *s)
{
	return (struct text){ s, strlen(s) };
}

/* The text of a C string; absent if it is NULL. */
static inline struct text
text_or_absent(const char *s)
{
	return s != NULL ? text_from(s) : (struct text){ NULL, 0 };
}

/* The arguments for a "%.*s" in a message: TEXT_ARG(r.tenant). */
#define TEXT_ARG(t) (int)(t).len, (t).p ? (t).p : ""

/* True for 0 to 9, independent of the locale. */
static inline bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* True if equal to a C string; false if absent. */
bool text_is(struct text t, const char *s);
/* True if the list, which ends with NULL, has the string. */
bool text_is_listed(const char *s, char *const *list);
/* True if the string ends with the other. */
bool text_ends_with(const char *s, const char *end);
/* Compares by bytes like strcmp(); an absent text counts as empty. */
int text_compare(struct text a, struct text b);
/* True if the text matches 0|[1-9][0-9]*. */
bool id_is_number(const char *s, size_t len);
/* Compares ids in the order of messaging-metrics(7), which all sorting by id
 * uses: numbers of any length come first, by value; all others follow, by
 * bytes. Returns <0, 0 or >0. */
int id_compare(const char *a, size_t a_len, const char *b, size_t b_len);
/* True if the bytes have no ASCII control character. */
bool text_is_printable(const char *p, size_t len);
/* True if all bytes are printable ASCII: 0x20 to 0x7E. */
bool text_is_plain(const char *p, size_t len);
/* No id may end with a space, because 'a' and 'a ' are equal in the
 * database. */
bool text_ends_with_blank(const char *p, size_t len);
/* Returns a copy with NUL, owned; NULL if absent. */
char *text_dup(struct text t);

#endif
