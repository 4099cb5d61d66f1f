/*
 * display_width: see display_width.h. Widths are counted here and not by
 * wcwidth(3), so that a table looks the same in every locale, cron's "C"
 * included.
 */
#include "common/output/display_width.h"

#include <stdbool.h>
#include <stdint.h>

#include "common/base/xalloc.h"

/* One character of UTF-8: its length, and its code in *c; 0 for a byte that
 * begins none. */
static size_t
decode_utf8(const char *s, uint32_t *c)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;

	if (u[0] < 0x80) {
		*c = u[0];
		return 1;
	}
	n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	*c = u[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (u[i] & 0x3fu);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return n;
}

struct range {
	uint32_t first, last;
};

static bool
in_ranges(uint32_t c, const struct range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (c >= r[i].first && c <= r[i].last)
			return true;
	}
	return false;
}

/* Controls, line separators and marks that turn the direction of text. */
static bool
is_masked_character(uint32_t c)
{
	static const struct range masked[] = { { 0, 0x1f }, { 0x7f, 0x9f },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
		{ 0xfeff, 0xfeff } };

	return in_ranges(c, masked, ARRAY_LEN(masked));
}

/* Columns a terminal gives to the character. */
static size_t
width_of(uint32_t c)
{
	static const struct range none[] = { { 0x300, 0x36f }, { 0x483, 0x489 },
		{ 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
		{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d },
		{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
		{ 0xe0100, 0xe01ef } };
	static const struct range wide[] = { { 0x1100, 0x115f },
		{ 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
		{ 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
		{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };

	if (c < 0x300)
		return 1;
	if (in_ranges(c, none, ARRAY_LEN(none)))
		return 0;
	return in_ranges(c, wide, ARRAY_LEN(wide)) ? 2 : 1;
}

size_t
display_add(struct buf *to, const char *s, size_t max)
{
	size_t width = 0, n, w, i;
	uint32_t c = 0;
	bool masked;

	while (*s != '\0') {
		n = decode_utf8(s, &c);
		masked = n == 0 || is_masked_character(c);
		if (n == 0)
			n = 1;
		w = masked ? 4 * n : width_of(c);
		if (width + w > max) {
			buf_adds(to, "\xe2\x80\xa6"); /* an ellipsis */
			return width + 1;
		}
		for (i = 0; masked && i < n; i++)
			buf_addf(to, "\\x%02x", (unsigned char)s[i]);
		if (!masked)
			buf_add(to, s, n);
		width += w;
		s += n;
	}
	return width;
}
