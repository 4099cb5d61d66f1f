/*
 * arena: a list of chunks that are filled one after the other; see arena.h.
 */
#include "sink/arena.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum {
	CHUNK_BYTES = 256 * 1024,
	PADDING = 64,
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t data[];
};

static struct arena_chunk *
chunk_new(size_t size)
{
	struct arena_chunk *c;

	if (size < CHUNK_BYTES)
		size = CHUNK_BYTES;
	c = xmalloc(sizeof *c + size);
	c->next = NULL;
	c->size = size;
	return c;
}

/* The chunk after the present one, if it is large enough; else a new one is
 * put there. */
static void
next_chunk(struct arena *a, size_t size)
{
	struct arena_chunk **link = a->now != NULL ? &a->now->next : &a->chunks;
	struct arena_chunk *c = *link;

	if (c == NULL || c->size < size) {
		c = chunk_new(size);
		c->next = *link;
		*link = c;
	}
	a->now = c;
	a->used = 0;
}

void *
arena_take(struct arena *a, size_t size)
{
	void *p;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (a->now == NULL || a->now->size - a->used < size)
		next_chunk(a, size);
	p = (char *)a->now->data + a->used;
	a->used += size;
	return p;
}

char *
arena_copy(struct arena *a, const char *p, size_t len)
{
	char *copy = arena_take(a, len + PADDING);

	memcpy(copy, p, len);
	memset(copy + len, 0, PADDING);
	return copy;
}

struct arena_mark
arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->now, a->used };
}

void
arena_back(struct arena *a, struct arena_mark mark)
{
	a->now = mark.now;
	a->used = mark.used;
}

void
arena_clear(struct arena *a)
{
	a->now = NULL;
	a->used = 0;
}

void
arena_release(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->chunks = NULL;
	arena_clear(a);
}
