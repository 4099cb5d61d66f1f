/*
 * scan_value: finds the ends of JSON values along an index (scan_index.h), and
 * replaces the escapes in strings. The functions that find ends return NULL for
 * a value that is wrong or unusual; the caller then reads it step by step
 * (json_text.h).
 */
#ifndef COMMON_TEXT_SCAN_VALUE_H
#define COMMON_TEXT_SCAN_VALUE_H

#include "common/text/scan_index.h"

#include <stddef.h>
#include <string.h>

/* The closing quote of the string that opens at p: entry *k of the list, which
 * is incremented. */
static inline const char *
scan_string_end(const struct scan_index *x, const char *p, size_t *k)
{
	const char *end = x->base + x->close[(*k)++];

	return __builtin_expect(end > p, 1) ? end : NULL;
}

/* Does the text at p begin with the n letters, a constant of 2 or 4? Then it is
 * one comparison. */
static inline bool
scan_begins(const char *p, const char *letters, size_t n)
{
	return memcmp(p, letters, n) == 0;
}

/* The end of true, false or null; NULL if it is none of them. */
static inline const char *
scan_literal_end(const char *p)
{
	if (scan_begins(p, "true", 4) || scan_begins(p, "null", 4))
		return p + 4;
	return scan_begins(p, "fals", 4) && p[4] == 'e' ? p + 5 : NULL;
}

/* The end of a number of up to 18 digits on each side of the point and two of
 * the exponent, which fits into 64 bits or a double. */
const char *scan_number_end(const char *p);

/* The end of the object or list that opens at p; *k as above. One that is
 * nested deeper than 60, or has blanks other than spaces, is unusual. */
const char *scan_nested_end(
    const struct scan_index *x, const char *p, size_t *k);

/* Copies a string with its escapes, which must be valid, replaced; returns the
 * bytes written, at most len. NUL, and half of a surrogate pair, become
 * U+FFFD. */
size_t scan_unescape(char *to, const char *from, size_t len);

/* Would an escape of the string become U+FFFD so? */
bool scan_is_lossy(const char *p, size_t len);

#endif
