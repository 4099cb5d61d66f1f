/*
 * arena: memory that is allocated in small pieces and released all at once, for
 * parts of a batch or of a tenant, which live equally long. A piece costs only
 * its bytes and needs no free(). A zeroed struct is valid and empty.
 */
#ifndef COMMON_CONTAINERS_ARENA_H
#define COMMON_CONTAINERS_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Private. */
struct arena {
	struct arena_chunk *chunks; /* all chunks */
	struct arena_chunk *now;    /* the chunk from which pieces are taken */
	size_t used;                /* bytes used in it */
};

/* Pieces are borrowed until the arena is cleared, rolled back or released;
 * they are never NULL. */

/* Returns zeroed memory, aligned for any type. */
void *arena_take(struct arena *a, size_t size)
    __attribute__((warn_unused_result));

/* The size of a cache line. */
#define ARENA_LINE 64

/* Returns memory that begins a cache line, not zeroed. */
void *arena_take_lines(struct arena *a, size_t size)
    __attribute__((warn_unused_result));

/* Returns memory for size bytes of text, neither zeroed nor aligned. */
char *arena_take_text(struct arena *a, size_t size)
    __attribute__((warn_unused_result));

/* Returns a copy of the bytes with NUL. */
char *arena_copy(struct arena *a, const char *p, size_t len)
    __attribute__((warn_unused_result));

/* A position in the arena. arena_back() releases all pieces taken after it. */
struct arena_mark {
	struct arena_chunk *now;
	size_t used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_back(struct arena *a, struct arena_mark mark);

/* Releases all pieces but keeps the memory, so that the next batch allocates
 * nothing. */
void arena_clear(struct arena *a);
/* Releases all pieces and the memory. */
void arena_release(struct arena *a);

#endif
