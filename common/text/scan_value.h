/*
 * scan_value: the values of JSON that are no plain strings, along an index
 * (scan_index.h). All of these give up, with NULL, on whatever is wrong or
 * only unusual: then somebody else has to look.
 */
#ifndef COMMON_TEXT_SCAN_VALUE_H
#define COMMON_TEXT_SCAN_VALUE_H

#include "common/text/scan_index.h"

#include <stddef.h>
#include <string.h>

/* The closing quote of the string that opens at p: number *k of the list, and
 * the next one is the next number. */
static inline const char *
scan_string_end(const struct scan_index *x, const char *p, size_t *k)
{
	const char *end = x->base + x->close[(*k)++];

	return __builtin_expect(end > p, 1) ? end : NULL;
}

/* Does the text at p begin so? Four letters. */
static inline bool
scan_begins(const char *p, const char *four)
{
	uint32_t a, b;

	memcpy(&a, p, 4);
	memcpy(&b, four, 4);
	return a == b;
}

/* Behind true, false or null; NULL if it is none of them. */
static inline const char *
scan_literal_end(const char *p)
{
	if (scan_begins(p, "true") || scan_begins(p, "null"))
		return p + 4;
	return scan_begins(p, "fals") && p[4] == 'e' ? p + 5 : NULL;
}

/* Behind a number that fits into 64 bits and into a double: up to 18 digits
 * on each side of the point, and two of the exponent. */
const char *scan_number_end(const char *p);

/* Behind the object or list that opens at p; *k as above. Unusual is one that
 * is nested deeper than 60, or has blanks other than spaces. */
const char *scan_nested_end(
    const struct scan_index *x, const char *p, size_t *k);

/* Writes what a string means that has escapes, all of them JSON's; how many
 * bytes, never more than there were. NUL, and half of a surrogate pair, become
 * U+FFFD. */
size_t scan_unescape(char *to, const char *from, size_t len);

/* Does that happen to the string? */
bool scan_is_lossy(const char *p, size_t len);

#endif
