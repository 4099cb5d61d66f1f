/*
 * json_shorten: see json_shorten.h.
 */
#include "common/text/json_shorten.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of \uXXXX. */
#define UNICODE_ESCAPE 6

/* A high surrogate, and behind it another escape. */
static bool
is_escaped_pair(const char *p, const char *end)
{
	static const char high[] = { '8', '9', 'a', 'b', 'A', 'B' };

	return end - p >= 2 * UNICODE_ESCAPE && p[0] == '\\' && p[1] == 'u' &&
	       (p[2] == 'd' || p[2] == 'D') &&
	       memchr(high, p[3], sizeof high) != NULL &&
	       p[UNICODE_ESCAPE] == '\\' && p[UNICODE_ESCAPE + 1] == 'u';
}

/* Behind the character at p, which has no meaning to be checked here: whatever
 * reads the text refuses what is wrong. */
static const char *
next_character(const char *p, const char *end)
{
	size_t n = 1;

	if (is_escaped_pair(p, end))
		n = 2 * UNICODE_ESCAPE;
	else if (*p == '\\')
		n = end - p > 1 && p[1] == 'u' ? UNICODE_ESCAPE : 2;
	else
		while ((size_t)(end - p) > n && (p[n] & 0xC0) == 0x80)
			n++;
	return n < (size_t)(end - p) ? p + n : end;
}

/* The quote that ends a string whose text begins at p, or the end. */
static const char *
string_end(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		p += *p == '\\' && end - p > 1;
	return p;
}

/* The end of the characters that have room in so many bytes. */
static const char *
cut_at(const char *p, const char *end, size_t most)
{
	const char *limit = p + most, *next;

	for (; p < end; p = next) {
		next = next_character(p, end);
		if (next > limit)
			break;
	}
	return p;
}

void
json_shorten(const char *text, size_t len, size_t most, struct buf *to)
{
	const char *p = text, *end = text + len, *quote, *last, *stop;

	while (p < end) {
		quote = memchr(p, '"', (size_t)(end - p));
		if (quote == NULL)
			break;
		buf_add(to, p, (size_t)(quote + 1 - p));
		p = quote + 1;
		last = string_end(p, end);
		stop = (size_t)(last - p) > most ? cut_at(p, last, most) : last;
		buf_add(to, p, (size_t)(stop - p));
		if (last < end)
			buf_addc(to, '"');
		p = last < end ? last + 1 : end;
	}
	buf_add(to, p, (size_t)(end - p));
}
