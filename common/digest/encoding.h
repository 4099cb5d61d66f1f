/*
 * encoding: bytes as text: hexadecimal, percent-encoded as in URLs (RFC 3986),
 * or in base64 (RFC 4648). libcurl and libcrypto have similar functions, but
 * aggregator and reaper do not link them, and neither has base64url. form.h
 * decodes forms, which are lenient and write a blank as a plus.
 */
#ifndef COMMON_DIGEST_ENCODING_H
#define COMMON_DIGEST_ENCODING_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Returns the value of a digit, or -1. */
static inline int
hex_digit(char c)
{
	unsigned char letter = ((unsigned char)c | 0x20) - 'a';

	if (c >= '0' && c <= '9')
		return c - '0';
	return letter < 6 ? letter + 10 : -1;
}

/* Returns the value of two digits, or -1. Reads nothing after the first byte
 * that is not a digit. */
static inline int
hex_byte(const char *p)
{
	int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* Returns the value of four digits, as in JSON's \u escapes, or -1. Reads
 * nothing after the first byte that is not a digit. */
static inline int
hex_four(const char *p)
{
	int i, digit, v = 0;

	for (i = 0; i < 4; i++) {
		digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* Writes two lower-case digits for each byte, without a NUL. Returns the
 * end. */
static inline char *
hex_write(char *to, const unsigned char *from, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 15];
	}
	return to;
}

/* Does not encode letters, digits and -._~ */
void percent_encode(struct buf *to, const char *text);
/* Returns a copy, owned; NULL if a percent sign is not followed by two
 * hexadecimal digits, or if they give NUL. */
char *percent_decode(const char *s, size_t len)
    __attribute__((warn_unused_result));

/* base64 is padded with '=', base64url is not. */
void base64_encode(struct buf *to, const void *bytes, size_t len);
void base64url_encode(struct buf *to, const void *bytes, size_t len);
/* Append the bytes. Return false, perhaps after some bytes, if the text is
 * empty or not in canonical form. */
bool base64_decode(struct buf *to, const char *text, size_t len)
    __attribute__((warn_unused_result));
bool base64url_decode(struct buf *to, const char *text, size_t len)
    __attribute__((warn_unused_result));

#endif
