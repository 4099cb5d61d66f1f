/*
 * worker: see worker.h.
 */
#include "sink/store/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/xalloc.h"
#include "common/os/thread.h"

enum state { RESTS, WORKS, LEAVES };

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turn; /* the state has changed */
	enum state state;

	struct store store;
	atomic_uint_least64_t *stored; /* of all workers */
	struct batch *batch;
	bool wait_forever;
	enum outcome outcome;
	uint64_t done;
};

static void
store(struct worker *w)
{
	/* All rows may belong to other parts. */
	w->outcome = batch_is_empty(w->batch)
			 ? OUTCOME_DONE
			 : store_batch(&w->store, w->batch, w->wait_forever);
	w->done = atomic_fetch_add(w->stored, 1) + 1;
}

static void *
work(void *ctx)
{
	struct worker *w = ctx;

	db_thread_begin();
	(void)pthread_mutex_lock(&w->lock);
	while (w->state != LEAVES) {
		if (w->state == RESTS) {
			(void)pthread_cond_wait(&w->turn, &w->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&w->lock);
		store(w);
		(void)pthread_mutex_lock(&w->lock);
		w->state = RESTS;
		(void)pthread_cond_broadcast(&w->turn);
	}
	(void)pthread_mutex_unlock(&w->lock);
	db_thread_end();
	return NULL;
}

struct worker *
worker_new(
    struct db *db, int64_t keep_ms, bool all, atomic_uint_least64_t *stored)
{
	struct worker *w = xcalloc(1, sizeof *w);
	pthread_condattr_t monotonic;

	store_init(&w->store, db, keep_ms, all);
	w->stored = stored;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->turn, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	thread_must_start(&w->thread, "store", work, w);
	return w;
}

void
worker_start(struct worker *w, struct batch *b, bool wait_forever)
{
	(void)pthread_mutex_lock(&w->lock);
	w->batch = b;
	w->wait_forever = wait_forever;
	w->state = WORKS;
	(void)pthread_cond_broadcast(&w->turn);
	(void)pthread_mutex_unlock(&w->lock);
}

bool
worker_wait(struct worker *w, int timeout_ms)
{
	struct timespec end;
	int rc = 0;
	bool rests;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	(void)pthread_mutex_lock(&w->lock);
	while (w->state == WORKS && rc == 0)
		rc = pthread_cond_timedwait(&w->turn, &w->lock, &end);
	rests = w->state == RESTS;
	(void)pthread_mutex_unlock(&w->lock);
	return rests;
}

enum outcome
worker_outcome(const struct worker *w)
{
	return w->outcome;
}

uint64_t
worker_done(const struct worker *w)
{
	return w->done;
}

struct db *
worker_db(struct worker *w)
{
	return w->store.db;
}

void
worker_free(struct worker *w)
{
	struct db *db;

	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	while (w->state == WORKS)
		(void)pthread_cond_wait(&w->turn, &w->lock);
	w->state = LEAVES;
	(void)pthread_cond_broadcast(&w->turn);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->turn);
	db = w->store.db;
	store_release(&w->store);
	db_close(db);
	free(w);
}
