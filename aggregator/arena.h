/*
 * arena: memory that is freed all at once. Names, ids and structs of one
 * snapshot live and die together, so each costs a few bytes and no free().
 * A zeroed struct is valid and empty.
 */
#ifndef AGGREGATOR_ARENA_H
#define AGGREGATOR_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *head; /* private */
	char *free;
	size_t left;
};

/* Zeroed memory, aligned for every struct of ours; lives until release. */
void *arena_alloc(struct arena *a, size_t size);

/* A NUL-ended copy. */
const char *arena_copy(struct arena *a, const char *s, size_t len);

void arena_release(struct arena *a);

#endif
