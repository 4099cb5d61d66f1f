/*
 * scan_value: finds the ends of JSON values along an index (scan_index.h), and
 * replaces escapes in strings. Functions that find ends return NULL for a wrong
 * or unusual value; the caller then reads it step by step (json_text.h).
 */
#ifndef COMMON_TEXT_SCAN_VALUE_H
#define COMMON_TEXT_SCAN_VALUE_H

#include "common/text/scan_index.h"

#include <stddef.h>
#include <string.h>

/* Returns the closing quote of the string that opens at p: entry *k of the
 * list, which is incremented. */
static inline const char *
scan_string_end(const struct scan_index *x, const char *p, size_t *k)
{
	const char *end = x->base + x->close[(*k)++];

	return __builtin_expect(end > p, 1) ? end : NULL;
}

/* True if the text at p begins with the n letters. If n is a constant 2 or 4,
 * this is one comparison. */
static inline bool
scan_begins(const char *p, const char *letters, size_t n)
{
	return memcmp(p, letters, n) == 0;
}

/* Returns the end of true, false or null; NULL for anything else. */
static inline const char *
scan_literal_end(const char *p)
{
	if (scan_begins(p, "true", 4) || scan_begins(p, "null", 4))
		return p + 4;
	return scan_begins(p, "fals", 4) && p[4] == 'e' ? p + 5 : NULL;
}

/* Returns the end of a number of up to 18 digits on each side of the point and
 * two in the exponent, which fits into 64 bits or a double. */
const char *scan_number_end(const char *p);

/* Returns the end of the object or list that opens at p; *k as above. Nesting
 * deeper than 60, and whitespace other than spaces, are unusual. */
const char *scan_nested_end(
    const struct scan_index *x, const char *p, size_t *k);

/* Copies a string and replaces its escapes, which must be valid; returns the
 * number of bytes written, at most len. NUL, and half of a surrogate pair,
 * become U+FFFD. */
size_t scan_unescape(char *to, const char *from, size_t len);

/* True if an escape of the string would become U+FFFD. */
bool scan_is_lossy(const char *p, size_t len);

#endif
