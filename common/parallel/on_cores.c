/*
 * on_cores: see on_cores.h. A block is
 *
 *   free       until a thread takes the lowest number that is
 *   taken      while it is made
 *   made       until the blocks before it were used
 *   used       its place is free for the block ON_CORES_AHEAD later
 */
#include "common/parallel/on_cores.h"

#include "common/base/buf.h"
#include "common/os/thread.h"

struct pool {
	const struct on_cores *work;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t made, room;
	size_t taken, used;
	bool is_made[ON_CORES_AHEAD];
	bool quit;
};

struct worker {
	struct pool *pool;
	size_t number;
	pthread_t id;
};

/* The next block, or that there is none; with the lock. */
static bool
claim_block(struct pool *c, size_t *block)
{
	if (c->quit || c->taken == c->work->blocks ||
	    c->taken - c->used == ON_CORES_AHEAD)
		return false;
	*block = c->taken++;
	return true;
}

/* Lets go of the lock meanwhile. */
static void
make_block(struct pool *c, size_t thread, size_t block)
{
	(void)pthread_mutex_unlock(&c->lock);
	c->work->make(c->work->ctx, thread, block);
	(void)pthread_mutex_lock(&c->lock);
	c->is_made[block % ON_CORES_AHEAD] = true;
	if (block == c->used)
		(void)pthread_cond_signal(&c->made);
}

static void *
make_blocks(void *ctx)
{
	const struct worker *w = ctx;
	struct pool *c = w->pool;
	size_t block;

	(void)pthread_mutex_lock(&c->lock);
	while (!c->quit && c->taken < c->work->blocks)
		if (claim_block(c, &block))
			make_block(c, w->number, block);
		else
			(void)pthread_cond_wait(&c->room, &c->lock);
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Uses each block when it is made, and makes others meanwhile. */
static bool
use_blocks(struct pool *c)
{
	size_t block;
	bool goes_on = true, *made;

	(void)pthread_mutex_lock(&c->lock);
	while (goes_on && c->used < c->work->blocks) {
		made = &c->is_made[c->used % ON_CORES_AHEAD];
		if (*made) {
			(void)pthread_mutex_unlock(&c->lock);
			goes_on = c->work->use(c->work->ctx, c->used);
			(void)pthread_mutex_lock(&c->lock);
			*made = false;
			c->used++;
			(void)pthread_cond_broadcast(&c->room);
		} else if (claim_block(c, &block)) {
			make_block(c, 0, block);
		} else {
			(void)pthread_cond_wait(&c->made, &c->lock);
		}
	}
	c->quit = true;
	(void)pthread_cond_broadcast(&c->room);
	(void)pthread_mutex_unlock(&c->lock);
	return goes_on;
}

bool
on_cores_run(const struct on_cores *work)
{
	struct pool c = { .work = work,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.made = PTHREAD_COND_INITIALIZER,
		.room = PTHREAD_COND_INITIALIZER };
	struct worker workers[ON_CORES_MOST];
	struct buf why = BUF_INIT;
	size_t cores = work->blocks > 1 ? thread_cores() : 1, n = 1, i;
	bool done;

	/* What cannot be started is not needed. */
	for (; n < cores && n < ON_CORES_MOST && n < work->blocks; n++) {
		workers[n] = (struct worker){ .pool = &c, .number = n };
		if (thread_start(&workers[n].id, "on_cores", make_blocks,
			&workers[n], &why) != PROG_OK)
			break;
	}
	done = use_blocks(&c);
	for (i = 1; i < n; i++)
		(void)pthread_join(workers[i].id, NULL);
	buf_release(&why);
	return done;
}
