/*
 * arena: memory that is taken in small pieces and given back all at once: what
 * a batch or a snapshot is made of lives and dies together, so each piece
 * costs its bytes and no free(). A zeroed struct is valid and empty.
 */
#ifndef COMMON_CONTAINERS_ARENA_H
#define COMMON_CONTAINERS_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Private. */
struct arena {
	struct arena_chunk *chunks; /* all of them */
	struct arena_chunk *now;    /* the one that is being filled */
	size_t used;                /* bytes of it */
};

/* All that is taken is borrowed until it is given back; never NULL. */

/* Zeroed memory, aligned for anything. */
void *arena_take(struct arena *a, size_t size)
    __attribute__((warn_unused_result));

/* Room for so many bytes of text, neither zeroed nor aligned. */
char *arena_take_text(struct arena *a, size_t size)
    __attribute__((warn_unused_result));

/* A copy of the bytes, NUL-ended. */
char *arena_copy(struct arena *a, const char *p, size_t len)
    __attribute__((warn_unused_result));

/* Where the arena stands, and back to there: what was taken since is given
 * back. */
struct arena_mark {
	struct arena_chunk *now;
	size_t used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_back(struct arena *a, struct arena_mark mark);

/* Gives all of it back to the arena, which keeps it for the next pieces, so
 * that one batch after the other allocates nothing; or to the system. */
void arena_clear(struct arena *a);
void arena_release(struct arena *a);

#endif
