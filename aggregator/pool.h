/*
 * pool: memory that is freed all at once. Names, ids and structs of one
 * snapshot live and die together, so each costs a few bytes and no free().
 * A zeroed struct is valid and empty.
 */
#ifndef AGGREGATOR_POOL_H
#define AGGREGATOR_POOL_H

#include <stddef.h>

struct pool {
	struct pool_block *head; /* private */
	char *free;
	size_t left;
};

/* Zeroed memory, aligned for every struct of ours; lives until release. */
void *pool_alloc(struct pool *a, size_t size);

/* A NUL-ended copy. */
const char *pool_copy(struct pool *a, const char *s, size_t len);

void pool_release(struct pool *a);

#endif
