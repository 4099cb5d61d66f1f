/*
 * growth: what a call leaves behind in memory, counted by glibc. Under
 * AddressSanitizer, which has an allocator of its own, LeakSanitizer tells.
 *
 * To be included before any header of the system: it needs mallinfo2().
 */
#ifndef TESTS_UNIT_GROWTH_H
#define TESTS_UNIT_GROWTH_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <malloc.h>
#include <stddef.h>

/* Caches fill up in the first calls. The least that malloc gives is 32 bytes,
 * so what loses something in each call loses more than this. */
#define GROWTH_WARM_UP 20
#define GROWTH_CALLS 100
#define GROWTH_MOST_BYTES (GROWTH_CALLS * 16)

static inline size_t
growth_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Calls it GROWTH_CALLS times: how many bytes more are in use after them. */
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
