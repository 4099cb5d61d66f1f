/*
 * arena: see arena.h. A list of chunks that are filled in turn; a piece larger
 * than a chunk gets its own chunk. Texts are not aligned, because most pieces
 * are ids of a few bytes.
 */
#include "common/containers/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

enum {
	CHUNK_BYTES = 256 * 1024,
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

/* Moves to the next chunk if it is large enough; otherwise inserts a new
 * one. */
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

char *
arena_take_text(struct arena *a, size_t size)
{
	char *p;

	if (a->now == NULL || a->now->size - a->used < size)
		next_chunk(a, size);
	p = (char *)a->now->data + a->used;
	a->used += size;
	return p;
}

void *
arena_take(struct arena *a, size_t size)
{
	size_t odd = a->used % alignof(max_align_t);
	size_t gap = odd > 0 ? alignof(max_align_t) - odd : 0;

	if (a->now == NULL || a->now->size - a->used < gap + size)
		next_chunk(a, size);
	else
		a->used += gap;
	return memset(arena_take_text(a, size), 0, size);
}

char *
arena_copy(struct arena *a, const char *p, size_t len)
{
	char *to = arena_take_text(a, len + 1);

	memcpy(to, p, len);
	to[len] = '\0';
	return to;
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
	memset(a, 0, sizeof *a);
}
