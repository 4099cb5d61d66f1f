/*
 * decimal: writes numbers as decimal text into the caller's buffer. All
 * functions except decimal_text*() write no NUL and return the end.
 */
#ifndef COMMON_BASE_DECIMAL_H
#define COMMON_BASE_DECIMAL_H

#include <stdint.h>
#include <string.h>

/* Enough for any number: 19 digits, a sign and a point. */
#define DECIMAL_ROOM 24

/* The only loop that makes digits. */
static inline char *
decimal_write_unsigned(char *to, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits, len;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	len = sizeof digits - i;
	memcpy(to, digits + i, len);
	return to + len;
}

static inline char *
decimal_write(char *to, int64_t n)
{
	if (n < 0)
		*to++ = '-';
	return decimal_write_unsigned(
	    to, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

/* Writes thousandths with three decimals: -1500 becomes -1.500 */
static inline char *
decimal_write_thousandths(char *to, int64_t n)
{
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	if (n < 0)
		*to++ = '-';
	to = decimal_write_unsigned(to, u / 1000);
	*to++ = '.';
	*to++ = (char)('0' + u % 1000 / 100);
	*to++ = (char)('0' + u % 100 / 10);
	*to++ = (char)('0' + u % 10);
	return to;
}

/* The same with a NUL; returns NULL if n is INT64_MIN, which means absent. */
static inline const char *
decimal_text(char text[DECIMAL_ROOM], int64_t n)
{
	*decimal_write(text, n) = '\0';
	return n == INT64_MIN ? NULL : text;
}

static inline const char *
decimal_text_thousandths(char text[DECIMAL_ROOM], int64_t n)
{
	*decimal_write_thousandths(text, n) = '\0';
	return n == INT64_MIN ? NULL : text;
}

#endif
