/*
 * store_worker: see store_worker.h.
 */
#include "sink/store/store_worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

enum store_worker_state { IDLE, BUSY, ENDING };

struct store_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the state has */
	enum store_worker_state state;

	struct batch_store store;
	atomic_uint_least64_t *stored; /* of all workers */
	struct batch_group *group;
	size_t part;
	bool wait_forever;
	enum outcome outcome;
	uint64_t done;
};

static void
store_own_part(struct store_worker *w)
{
	struct row_batch *b = &w->group->part[w->part];

	/* All rows may be in other parts of the group. */
	w->outcome = batch_is_empty(b)
			 ? OUTCOME_DONE
			 : store_batch(&w->store, b, w->wait_forever);
	w->done = atomic_fetch_add(w->stored, 1) + 1;
}

static void *
store_worker_main(void *ctx)
{
	struct store_worker *w = ctx;

	db_thread_begin();
	(void)pthread_mutex_lock(&w->lock);
	while (w->state != ENDING) {
		if (w->state == IDLE) {
			(void)pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&w->lock);
		notify_alive();
		store_own_part(w);
		notify_idle();
		(void)pthread_mutex_lock(&w->lock);
		w->state = IDLE;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	db_thread_end();
	return NULL;
}

struct store_worker *
store_worker_new(
    struct db *db, int64_t keep_ms, bool all, atomic_uint_least64_t *stored)
{
	struct store_worker *w = xcalloc(1, sizeof *w);
	pthread_condattr_t monotonic;

	batch_store_init(&w->store, db, keep_ms, all);
	w->stored = stored;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	thread_must_start(&w->thread, "store", store_worker_main, w);
	return w;
}

void
store_worker_start(struct store_worker *w, struct batch_group *g, size_t part,
    bool wait_forever)
{
	(void)pthread_mutex_lock(&w->lock);
	w->group = g;
	w->part = part;
	w->wait_forever = wait_forever;
	w->state = BUSY;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
}

bool
store_worker_wait(struct store_worker *w, int timeout_ms)
{
	struct timespec end = thread_deadline(timeout_ms);
	int rc = 0;
	bool idle;

	(void)pthread_mutex_lock(&w->lock);
	/* Asked between two lines with 0: no system call then. */
	while (timeout_ms > 0 && w->state == BUSY && rc == 0)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &end);
	idle = w->state == IDLE;
	(void)pthread_mutex_unlock(&w->lock);
	return idle;
}

enum outcome
store_worker_outcome(const struct store_worker *w)
{
	return w->outcome;
}

uint64_t
store_worker_done(const struct store_worker *w)
{
	return w->done;
}

struct db *
store_worker_db(struct store_worker *w)
{
	return w->store.db;
}

void
store_worker_free(struct store_worker *w)
{
	struct db *db;

	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	while (w->state == BUSY)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	w->state = ENDING;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->changed);
	db = w->store.db;
	batch_store_release(&w->store);
	db_close(db);
	free(w);
}
