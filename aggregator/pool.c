/*
 * pool: see pool.h. Blocks of a fixed size; what is larger gets a block of
 * its own.
 */
#include "aggregator/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define BLOCK_SIZE ((size_t)256 * 1024)

struct pool_block {
	struct pool_block *next;
	alignas(max_align_t) char data[];
};

/* The next size bytes, not aligned and not zeroed. */
static char *
take(struct pool *a, size_t size)
{
	struct pool_block *block;
	size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	char *p;

	if (size > a->left) {
		block = xmalloc(sizeof *block + room);
		block->next = a->head;
		a->head = block;
		a->free = block->data;
		a->left = room;
	}
	p = a->free;
	a->free += size;
	a->left -= size;
	return p;
}

void *
pool_alloc(struct pool *a, size_t size)
{
	size_t odd = a->left % alignof(max_align_t);
	char *p;

	/* Blocks begin and end aligned, so what is left tells the offset. */
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (odd <= a->left && size + odd <= a->left)
		(void)take(a, odd);
	else
		a->left = 0;
	p = take(a, size);
	memset(p, 0, size);
	return p;
}

const char *
pool_copy(struct pool *a, const char *s, size_t len)
{
	char *p = take(a, len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

void
pool_release(struct pool *a)
{
	struct pool_block *block;

	while (a->head != NULL) {
		block = a->head;
		a->head = block->next;
		free(block);
	}
	memset(a, 0, sizeof *a);
}
