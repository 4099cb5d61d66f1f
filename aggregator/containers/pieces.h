/*
 * pieces: memory for what a model has many of and frees all at once. It comes
 * in few large pieces, with huge pages where they are large enough: the first
 * touch of a million messages costs some dozen page faults instead of ten
 * thousand, and finding one of them in the page table costs less.
 */
#ifndef AGGREGATOR_CONTAINERS_PIECES_H
#define AGGREGATOR_CONTAINERS_PIECES_H

#include <stddef.h>

/* Of the cache; where all that is taken begins. */
#define PIECES_LINE 64

/* Private. A zeroed struct is empty. */
struct pieces {
	void **list;
	size_t n, cap;
	char *at;
	size_t left;
};

/* Memory of any content: at most PIECES_MAX bytes, a multiple of PIECES_LINE.
 * It is valid until pieces_release(). */
#define PIECES_MAX ((size_t)128 * 1024)
void *pieces_take(struct pieces *p, size_t size);

void pieces_release(struct pieces *p);

#endif
