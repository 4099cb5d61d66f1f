/*
 * pieces: allocates many small objects of a model, which are freed together.
 * The memory is allocated in a few large pieces, in huge pages where possible:
 * touching a million messages for the first time costs a few dozen page faults
 * instead of ten thousand, and later page-table lookups are cheaper.
 */
#ifndef AGGREGATOR_CONTAINERS_PIECES_H
#define AGGREGATOR_CONTAINERS_PIECES_H

#include <stddef.h>

/* The size of a cache line; all objects are aligned to it. */
#define PIECES_LINE 64

/* Private. A zeroed struct is empty. */
struct pieces {
	void **list;
	size_t n, cap;
	char *at;
	size_t left;
};

/* Returns uninitialised memory: at most PIECES_MAX bytes, a multiple of
 * PIECES_LINE. It is valid until pieces_release(). */
#define PIECES_MAX ((size_t)128 * 1024)
void *pieces_take(struct pieces *p, size_t size);

void pieces_release(struct pieces *p);

#endif
