/*
 * id_parts: splits an id into a prefix and a number ("m-0000000017"), or
 * detects a whole number. Most message ids have one of these forms and
 * therefore fit into one word (message_id.h).
 */
#ifndef AGGREGATOR_CLOCKS_ID_PARTS_H
#define AGGREGATOR_CLOCKS_ID_PARTS_H

#include "common/base/text.h"
#include "common/containers/hash.h"

#define ID_NUMBER_DIGITS 18
#define ID_PREFIX 15 /* longest prefix, in bytes */
#define ID_PREFIX_DIGITS 10

enum id_form {
	ID_NUMBER,   /* without leading zeros, below 10^18 */
	ID_PREFIXED, /* up to ID_PREFIX bytes, then some digits */
	ID_OTHER,
};

struct id_parts {
	size_t prefix, digits; /* lengths in bytes, for ID_PREFIXED */
	uint64_t value;        /* the number, unless ID_OTHER */
};

/* Reads eight digits; returns false if one of the bytes is not a digit. */
static inline bool
id_eight_digits(const char *p, uint64_t *value)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = hash_load8(p) ^ ones * '0'; /* a digit is below 10 */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	if (((x + ones * (0x80 - 10)) | x) & ones * 0x80)
		return false;
	/* Combine neighbours into numbers of two, four, eight digits. */
	x = (x * 10 + (x >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
	x = (x * 100 + (x >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
	*value = (x * 10000 + (x >> 32)) & UINT64_C(0xFFFFFFFF);
	return true;
}

/* Splits an id, which must not be empty. */
static inline enum id_form
id_split(struct text id, struct id_parts *to)
{
	size_t digits = 0;
	uint64_t value = 0, unit = 1;
	char c;

	if (id.len >= 8 && id_eight_digits(id.p + id.len - 8, &value)) {
		digits = 8;
		unit = 100000000;
	}
	/* Read from the end. If there are too many digits, the value is not
	 * used. */
	for (; digits < id.len; digits++, unit *= 10) {
		c = id.p[id.len - 1 - digits];
		if (!text_is_digit(c))
			break;
		value += unit * (uint64_t)(c - '0');
	}
	to->prefix = id.len - digits;
	to->digits = digits;
	to->value = value;
	if (digits == id.len && (id.p[0] != '0' || id.len == 1))
		return digits > ID_NUMBER_DIGITS ? ID_OTHER : ID_NUMBER;
	return digits == 0 || digits > ID_PREFIX_DIGITS ||
		       to->prefix > ID_PREFIX
		   ? ID_OTHER
		   : ID_PREFIXED;
}

#endif
