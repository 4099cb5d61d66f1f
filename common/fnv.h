/*
 * fnv: FNV-1a, 64 bits: tells contents apart, and finds damage. It is part of
 * formats (bucket.h, statefile.h, the aggregator's spool), so it must stay as
 * it is; and it is not seeded, so a table of keys that others choose wants
 * strmap.h or the aggregator's hash.h.
 */
#ifndef COMMON_FNV_H
#define COMMON_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

/* The sum so far, FNV_START at first, and these bytes. */
static inline uint64_t
fnv_add(uint64_t sum, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)p[i]) * FNV_PRIME;
	return sum;
}

#endif
