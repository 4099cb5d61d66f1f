/*
 * arena: memory of one batch: taken in small pieces, given back all at once,
 * and kept for the next batch, so that storing rows allocates nothing.
 */
#ifndef SINK_ARENA_H
#define SINK_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* all of them */
	struct arena_chunk *now;    /* the one that is being filled */
	size_t used;                /* bytes of it */
};

#define ARENA_INIT                                                             \
	{                                                                      \
		NULL, NULL, 0                                                  \
	}

/* Memory for anything, borrowed until arena_clear(); never NULL. */
void *arena_take(struct arena *a, size_t size);

/* A copy of the bytes with 64 readable zero bytes behind it. */
char *arena_copy(struct arena *a, const char *p, size_t len);

/* Where the arena stands, and back to there: what was taken since is free. */
struct arena_mark {
	struct arena_chunk *now;
	size_t used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_back(struct arena *a, struct arena_mark mark);

void arena_clear(struct arena *a);
void arena_release(struct arena *a);

#endif
