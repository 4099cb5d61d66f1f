/*
 * scan_value: see scan_value.h.
 */
#include "common/text/scan_value.h"

#include <unistr.h>

#include "common/digest/hex.h"

#define MOST_DIGITS 18
#define DEEPEST 60

/* An escape is at least as long as the character in UTF-8. */
#define ESCAPE_BYTES 6

/* Replaces characters that a text cannot contain. */
#define REPLACEMENT 0xFFFD

/* Sets the high bits of bytes that are digits. */
static uint64_t
digit_bits(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t highs = ones * 0x80;
	uint64_t low = x & ~highs;
	uint64_t from_0 = low + ones * (0x80 - '0');
	uint64_t above_9 = low + ones * (0x80 - '9' - 1);

	return from_0 & ~above_9 & ~x & highs;
}

/* Returns the end of the digits from p on. Reads eight at a time, because a
 * loop over single digits would end in a mispredicted branch. */
static const char *
digits_end(const char *p)
{
	uint64_t x, others;

	for (;; p += 8) {
		memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		x = __builtin_bswap64(x);
#endif
		others = ~digit_bits(x) & UINT64_C(0x8080808080808080);
		if (others != 0)
			return p + (__builtin_ctzll(others) >> 3);
	}
}

const char *
scan_number_end(const char *p)
{
	const char *from;

	p += *p == '-';
	from = p;
	p = digits_end(p);
	if (p == from || p - from > MOST_DIGITS ||
	    (*from == '0' && p - from > 1))
		return NULL;
	if (*p == '.') {
		from = ++p;
		p = digits_end(p);
		if (p == from || p - from > MOST_DIGITS)
			return NULL;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		from = p;
		p = digits_end(p);
		if (p == from || p - from > 2)
			return NULL;
	}
	return p;
}

/* The open objects and lists: bit 0 of `objects` is set if the innermost one is
 * an object, bit 1 for the one around it, and so on. */
struct value_nest {
	const struct scan_index *x;
	size_t *k;
	uint64_t objects;
	int depth;
};

static const char *
blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Returns the end of "key": and blanks. */
static const char *
key_end(struct value_nest *n, const char *p)
{
	if (*p != '"' || (p = scan_string_end(n->x, p, n->k)) == NULL)
		return NULL;
	p = blanks(p + 1);
	return *p == ':' ? blanks(p + 1) : NULL;
}

/* Enters the bracket at p: returns its first value or, if it is empty, its end,
 * and sets *closed. */
static const char *
enter_bracket(struct value_nest *n, const char *p, bool *closed)
{
	bool object = *p == '{';

	p = blanks(p + 1);
	*closed = *p == (object ? '}' : ']');
	if (*closed)
		return p + 1;
	if (++n->depth > DEEPEST)
		return NULL;
	n->objects = n->objects << 1 | object;
	return object ? key_end(n, p) : p;
}

/* From the end of a value: skips the brackets that close there; returns the
 * next value, or the end of the outermost bracket. */
static const char *
leave_brackets(struct value_nest *n, const char *p)
{
	while (n->depth > 0) {
		bool object = (n->objects & 1) != 0;

		p = blanks(p);
		if (*p == ',') {
			p = blanks(p + 1);
			return object ? key_end(n, p) : p;
		}
		if (*p != (object ? '}' : ']'))
			return NULL;
		n->objects >>= 1;
		n->depth--;
		p++;
	}
	return p;
}

const char *
scan_nested_end(const struct scan_index *x, const char *p, size_t *k)
{
	struct value_nest n = { .x = x, .k = k };
	bool whole;

	do {
		whole = true;
		if (*p == '{' || *p == '[')
			p = enter_bracket(&n, p, &whole);
		else if (*p == '"')
			p = (p = scan_string_end(x, p, k)) != NULL ? p + 1
								   : NULL;
		else if (*p >= 'a')
			p = scan_literal_end(p);
		else
			p = scan_number_end(p);
		if (p != NULL && whole)
			p = leave_brackets(&n, p);
	} while (p != NULL && n.depth > 0);
	return p;
}

/* Returns the character of the \u escape at *from, or of a surrogate pair;
 * advances *from. */
static uint32_t
take_hex(const char **from, const char *end)
{
	uint32_t c = (uint32_t)hex_four(*from + 2), low;

	*from += 6;
	if (c == 0 || (c >= 0xDC00 && c < 0xE000))
		return REPLACEMENT;
	if (c < 0xD800 || c >= 0xE000)
		return c;
	if (end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u')
		return REPLACEMENT;
	low = (uint32_t)hex_four(*from + 2);
	if (low < 0xDC00 || low >= 0xE000)
		return REPLACEMENT;
	*from += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

/* Writes the character of any escape. */
static char *
put_escape(char *to, const char **from, const char *end)
{
	static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *known;

	if ((*from)[1] == 'u')
		return to + u8_uctomb((uint8_t *)to, take_hex(from, end),
				ESCAPE_BYTES);
	for (known = plain; known[0] != (*from)[1] && known[2] != '\0';)
		known += 2;
	*to = known[1];
	*from += 2;
	return to + 1;
}

size_t
scan_unescape(char *to, const char *from, size_t len)
{
	const char *end = from + len, *next;
	char *start = to;
	size_t n;

	while (from < end) {
		next = memchr(from, '\\', (size_t)(end - from));
		n = (size_t)((next != NULL ? next : end) - from);
		memcpy(to, from, n);
		to += n;
		from += n;
		if (next != NULL)
			to = put_escape(to, &from, end);
	}
	return (size_t)(to - start);
}

bool
scan_is_lossy(const char *p, size_t len)
{
	const char *end = p + len;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL)
		if (p[1] != 'u')
			p += 2;
		else if (hex_four(p + 2) == REPLACEMENT)
			p += 6;
		else if (take_hex(&p, end) == REPLACEMENT)
			return true;
	return false;
}
