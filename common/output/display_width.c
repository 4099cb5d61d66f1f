/*
 * display_width: see display_width.h. Widths are libunistring's of UTF-8, and
 * not of wcwidth(3), so that a table looks the same in every locale, cron's "C"
 * included.
 */
#include "common/output/display_width.h"

#include <stdbool.h>
#include <unistr.h>
#include <uniwidth.h>

/* Controls, line separators and marks that turn the direction of text. */
static bool
is_masked_character(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e ||
	       c == 0x200f || (c >= 0x2028 && c < 0x202f) ||
	       (c >= 0x2066 && c < 0x206a) || c == 0xfeff;
}

size_t
display_add(struct buf *to, const char *s, size_t max)
{
	size_t width = 0, kept = to->len, kept_width = 0, n, w, i;
	ucs4_t c;
	int length;
	bool masked;

	while (*s != '\0') {
		length = u8_strmbtouc(&c, (const uint8_t *)s);
		masked = length < 0 || is_masked_character(c);
		n = length < 0 ? 1 : (size_t)length;
		w = masked ? 4 * n : (size_t)uc_width(c, "UTF-8");
		if (width + w > max) {
			buf_cut(to, kept);
			buf_adds(to, "\xe2\x80\xa6"); /* an ellipsis */
			return kept_width + 1;
		}
		for (i = 0; masked && i < n; i++)
			buf_addf(to, "\\x%02x", (unsigned char)s[i]);
		if (!masked)
			buf_add(to, s, n);
		width += w;
		s += n;
		if (width < max) { /* an ellipsis would fit behind it */
			kept = to->len;
			kept_width = width;
		}
	}
	return width;
}
