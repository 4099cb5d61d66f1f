/*
 * hex: digits of the base 16.
 */
#ifndef COMMON_BASE_HEX_H
#define COMMON_BASE_HEX_H

#include <stddef.h>

/* 0 to 15, or -1: it is none. */
static inline int
hex_digit(char c)
{
	unsigned char letter = ((unsigned char)c | 0x20) - 'a';

	if (c >= '0' && c <= '9')
		return c - '0';
	return letter < 6 ? letter + 10 : -1;
}

/* The same of those that hex_write() writes. */
static inline int
hex_small_digit(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
}

/* Of four digits, as JSON escapes them, or -1. Nothing behind the first that
 * is none is looked at. */
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

/* Two digits for each byte, small letters, no NUL behind them. Returns where
 * they end. */
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
