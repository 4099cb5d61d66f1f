/*
 * growth: measures the memory that a call leaves allocated, as glibc counts it.
 * With AddressSanitizer, which has its own allocator, LeakSanitizer reports
 * leaks instead.
 *
 * Include it before any header of the system, because it needs mallinfo2().
 */
#ifndef TESTS_UNIT_GROWTH_H
#define TESTS_UNIT_GROWTH_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <malloc.h>
#include <stddef.h>

/* Caches fill up in the first calls. The smallest allocation is 32 bytes, so a
 * leak in each call exceeds this limit. */
#define GROWTH_WARM_UP 20
#define GROWTH_CALLS 100
#define GROWTH_MOST_BYTES (GROWTH_CALLS * 16)

static inline size_t
growth_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Calls it GROWTH_CALLS times and returns how many more bytes are allocated
 * afterwards. */
static inline long
growth(void (*call)(void *ctx), void *ctx)
{
	size_t before;
	int i;

	for (i = 0; i < GROWTH_WARM_UP; i++)
		call(ctx);
	before = growth_in_use();
	for (i = 0; i < GROWTH_CALLS; i++)
		call(ctx);
	return (long)(growth_in_use() - before);
}

#endif
