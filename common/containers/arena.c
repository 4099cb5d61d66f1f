/*
 * arena: see arena.h. A list of chunks that are filled in turn. Each is twice
 * as large as the previous one, up to the size of a huge page: touching a
 * million messages for the first time then costs a few dozen page faults
 * instead of ten thousand, and later page-table lookups are cheaper. A piece
 * larger than that gets its own chunk. Texts are not aligned, because most
 * pieces are ids of a few bytes.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "common/containers/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/xalloc.h"

/* Small, because each tenant has an arena. */
#define FIRST_CHUNK ((size_t)2 * 1024)
#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	char *data; /* behind this header */
};

static struct arena_chunk *
chunk_new(size_t size)
{
	size_t line = size < HUGE_PAGE ? ARENA_LINE : HUGE_PAGE;
	struct arena_chunk *c = xmalloc(sizeof *c + size + line);
	char *end = (char *)(c + 1);

	c->next = NULL;
	c->size = size;
	/* The bytes before data are never touched, so they cost no memory. */
	c->data = end + (line - (uintptr_t)end % line) % line;
	if (line == HUGE_PAGE)
		(void)madvise(c->data, size - size % HUGE_PAGE, MADV_HUGEPAGE);
	return c;
}

/* Moves to the next chunk if it is large enough; otherwise inserts a new
 * one. */
static void
next_chunk(struct arena *a, size_t size)
{
	struct arena_chunk **link = a->now != NULL ? &a->now->next : &a->chunks;
	struct arena_chunk *c = *link;
	size_t usual = a->now != NULL ? 2 * a->now->size : FIRST_CHUNK;

	if (usual > HUGE_PAGE)
		usual = HUGE_PAGE;
	if (c == NULL || c->size < size) {
		c = chunk_new(size > usual ? size : usual);
		c->next = *link;
		*link = c;
	}
	a->now = c;
	a->used = 0;
}

static void *
take(struct arena *a, size_t size, size_t line)
{
	size_t gap = (line - a->used % line) % line;

	if (a->now == NULL || a->now->size - a->used < gap + size) {
		next_chunk(a, size);
		gap = 0;
	}
	a->used += gap + size;
	return a->now->data + a->used - size;
}

char *
arena_take_text(struct arena *a, size_t size)
{
	return take(a, size, 1);
}

void *
arena_take_lines(struct arena *a, size_t size)
{
	return take(a, size, ARENA_LINE);
}

void *
arena_take(struct arena *a, size_t size)
{
	return memset(take(a, size, alignof(max_align_t)), 0, size);
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
