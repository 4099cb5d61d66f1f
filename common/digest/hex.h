/*
 * hex: reads and writes hexadecimal digits.
 */
#ifndef COMMON_DIGEST_HEX_H
#define COMMON_DIGEST_HEX_H

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

/* The same, but accepts only the lower-case digits that hex_write() writes. */
static inline int
hex_small_digit(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
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

#endif
