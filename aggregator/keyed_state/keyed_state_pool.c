/*
 * keyed_state_pool: the memory of all entries: blocks of an arena, and of each
 * size a list of those that were given back.
 */
#include "aggregator/keyed_state/keyed_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"

enum {
	STEP = 16, /* of sizes, in bytes */
};

static size_t
pool_steps(size_t size)
{
	return (size + STEP - 1) / STEP;
}

void *
keyed_state_pool_take(struct keyed_state_pool *p, size_t size)
{
	size_t i = pool_steps(size);
	void *block = p->freed[i];

	if (i > KEYED_STATE_MAX_BLOCK / STEP)
		prog_die(PROG_SOFTWARE, "a block of %zu bytes", size);
	p->used += i * STEP;
	if (block == NULL)
		return arena_take(&p->arena, i * STEP);
	memcpy(&p->freed[i], block, sizeof(void *));
	memset(block, 0, i * STEP);
	return block;
}

void
keyed_state_pool_give(struct keyed_state_pool *p, void *block, size_t size)
{
	size_t i = pool_steps(size);

	p->used -= i * STEP;
	memcpy(block, &p->freed[i], sizeof(void *));
	p->freed[i] = block;
}

void
keyed_state_pool_release(struct keyed_state_pool *p)
{
	size_t limit = p->limit;

	arena_release(&p->arena);
	free(p->tables);
	memset(p, 0, sizeof *p);
	p->limit = limit;
}
