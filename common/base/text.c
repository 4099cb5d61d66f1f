/* text: see text.h. */
#include "common/base/text.h"

#include <stdint.h>
#include <string.h>

#include "common/base/xalloc.h"

bool
text_is(struct text t, const char *s)
{
	return t.p != NULL && t.len == strlen(s) && memcmp(t.p, s, t.len) == 0;
}

bool
text_is_listed(const char *s, char *const *list)
{
	while (*list != NULL && strcmp(*list, s) != 0)
		list++;
	return *list != NULL;
}

bool
text_ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && strcmp(s + len - n, end) == 0;
}

int
text_compare(struct text a, struct text b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

bool
id_is_number(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || (s[0] == '0' && len > 1))
		return false;
	for (i = 0; i < len; i++)
		if (!text_is_digit(s[i]))
			return false;
	return true;
}

int
id_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	bool a_number = id_is_number(a, a_len);

	if (a_number != id_is_number(b, b_len))
		return a_number ? -1 : 1;
	/* Without leading zeros, the longer number is greater. */
	if (a_number && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return text_compare(
	    (struct text){ a, a_len }, (struct text){ b, b_len });
}

bool
text_is_printable(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7F)
			return false;
	}
	return true;
}

/* True if the byte is not 0x20 to 0x7E, for each of eight bytes: its high bit
 * is set. Carries and borrows can only set more high bits: a carry
 * comes from a byte that is 0xFF, a borrow from one below 0x20, and these are
 * odd themselves. */
static inline uint64_t
odd_bytes(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return (x | (x + ones) | (x - ones * 0x20)) & ones * 0x80;
}

bool
text_is_plain(const char *p, size_t len)
{
	uint64_t odd = 0;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8)
		odd |= odd_bytes(p + i);
	if (len >= 8)
		return (odd | odd_bytes(p + len - 8)) == 0;
	for (i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] > '~')
			return false;
	return true;
}

bool
text_ends_with_blank(const char *p, size_t len)
{
	return len > 0 && p[len - 1] == ' ';
}

char *
text_dup(struct text t)
{
	return t.p != NULL ? xstrndup(t.p, t.len) : NULL;
}
