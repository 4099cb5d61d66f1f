/*
 * encoding: see encoding.h.
 */
#include "common/digest/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#define LETTERS_AND_DIGITS                                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char base64[] = LETTERS_AND_DIGITS "+/";
static const char base64url[] = LETTERS_AND_DIGITS "-_";

void
percent_encode(struct buf *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr(LETTERS_AND_DIGITS "-._~", *text) != NULL)
			buf_addc(to, *text);
		else
			buf_addf(to, "%%%02X", (unsigned char)*text);
	}
}

char *
percent_decode(const char *s, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t i, n = 0;
	int byte;

	for (i = 0; i < len; i++) {
		if (s[i] != '%') {
			out[n++] = s[i];
			continue;
		}
		byte = len - i > 2 ? hex_byte(s + i + 1) : -1;
		if (byte <= 0) {
			free(out);
			return NULL;
		}
		out[n++] = (char)byte;
		i += 2;
	}
	out[n] = '\0';
	return out;
}

static void
base64_with(
    struct buf *to, const char *digits, const unsigned char *p, size_t len)
{
	unsigned bits = 0, n = 0;

	for (; len > 0; len--) {
		bits = bits << 8 | *p++;
		for (n += 8; n >= 6; bits &= (1u << n) - 1) {
			n -= 6;
			buf_addc(to, digits[bits >> n & 63]);
		}
	}
	if (n > 0)
		buf_addc(to, digits[bits << (6 - n) & 63]);
}

void
base64_encode(struct buf *to, const void *bytes, size_t len)
{
	base64_with(to, base64, bytes, len);
	buf_add(to, "==", (3 - len % 3) % 3);
}

void
base64url_encode(struct buf *to, const void *bytes, size_t len)
{
	base64_with(to, base64url, bytes, len);
}

/* Returns the value of a digit, or -1; the last two of the 64 differ. */
static int
base64_value(char c, const char *digits)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == digits[62] ? 62 : c == digits[63] ? 63 : -1;
}

/* The text has no padding. */
static bool
decode_with(struct buf *to, const char *digits, const char *text, size_t len)
{
	unsigned bits = 0, n = 0;
	int digit;

	if (len == 0 || len % 4 == 1)
		return false;
	for (; len > 0; len--) {
		digit = base64_value(*text++, digits);
		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned)digit;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(to, (char)(bits >> n & 0xFF));
			bits &= (1u << n) - 1;
		}
	}
	return bits == 0;
}

bool
base64_decode(struct buf *to, const char *text, size_t len)
{
	size_t padded = len;

	if (len % 4 != 0)
		return false;
	while (len > 0 && padded - len < 2 && text[len - 1] == '=')
		len--;
	return decode_with(to, base64, text, len);
}

bool
base64url_decode(struct buf *to, const char *text, size_t len)
{
	return decode_with(to, base64url, text, len);
}
