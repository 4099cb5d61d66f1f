/*
 * workers: see workers.h.
 */
#include "sink/store/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/os/notify.h"
#include "common/os/thread.h"
#include "sink/store/partitions.h"

enum {
	/* Maximum size of a batch in bytes. */
	BATCH_BYTES = 8 * 1024 * 1024,
	HASH_SEED = 49,
};

enum worker_state { IDLE, STORING, STORED, ENDING };

struct worker {
	struct workers *all;
	pthread_t thread;
	atomic_int state; /* changed under the lock */

	struct row_batch batch[2], *filling, *storing;
	uint64_t started, safe; /* numbers of batches */

	/* Belongs to the thread while it is STORING. */
	struct batch_store store;
	uint64_t retries; /* count of the connection before this batch */
	struct worker_result result;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* signals a change of state */
	struct worker worker[WORKERS_MAX];
	size_t n, full;
	bool wait_forever;
	pthread_mutex_t altering; /* one worker at a time makes partitions */
	struct partitions partitions;
};

static void
store_own_batch(struct worker *w)
{
	struct worker_result *r = &w->result;

	batch_sort(w->storing);
	(void)pthread_mutex_lock(&w->all->altering);
	partitions_prepare(&w->all->partitions, w->store.db, w->storing);
	(void)pthread_mutex_unlock(&w->all->altering);
	r->batch = w->storing;
	r->outcome = store_batch(&w->store, w->storing, w->all->wait_forever);
	r->db = w->store.db;
	r->retries = db_retries(w->store.db) - w->retries;
	w->retries += r->retries;
}

static void
set_state(struct worker *w, enum worker_state state)
{
	(void)pthread_mutex_lock(&w->all->lock);
	atomic_store(&w->state, (int)state);
	(void)pthread_cond_broadcast(&w->all->changed);
	(void)pthread_mutex_unlock(&w->all->lock);
}

/* Waits until the worker has work. */
static enum worker_state
next_state(struct worker *w)
{
	int state;

	(void)pthread_mutex_lock(&w->all->lock);
	while ((state = atomic_load(&w->state)) == IDLE || state == STORED)
		(void)pthread_cond_wait(&w->all->changed, &w->all->lock);
	(void)pthread_mutex_unlock(&w->all->lock);
	return (enum worker_state)state;
}

static void *
worker_main(void *ctx)
{
	struct worker *w = ctx;

	db_thread_begin();
	while (next_state(w) != ENDING) {
		notify_alive();
		store_own_batch(w);
		notify_idle();
		set_state(w, STORED);
	}
	db_thread_end();
	return NULL;
}

struct workers *
workers_open(struct db *db, const struct conf *conf,
    const struct terms_book *terms, bool wait_forever)
{
	struct workers *all = xcalloc(1, sizeof *all);
	int64_t keep_ms = conf_int(conf, "reaper", "tombstones");
	bool tombs = conf_text(conf, "reaper", "on_close")[0] == 'a';
	pthread_condattr_t monotonic;
	struct worker *w;

	all->wait_forever = wait_forever;
	all->full = (size_t)conf_int(conf, "sink", "batch");
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_mutex_init(&all->altering, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&all->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	while (all->n < (size_t)conf_int(conf, "sink", "connections")) {
		w = &all->worker[all->n];
		w->all = all;
		w->filling = &w->batch[0];
		w->result.worker = all->n;
		batch_store_init(&w->store, all->n++ == 0 ? db : db_another(db),
		    terms, keep_ms, tombs);
		thread_must_start(&w->thread, "store", worker_main, w);
	}
	return all;
}

static void
end_worker(struct worker *w)
{
	struct db *db = w->store.db;

	(void)pthread_mutex_lock(&w->all->lock);
	while (atomic_load(&w->state) == STORING)
		(void)pthread_cond_wait(&w->all->changed, &w->all->lock);
	(void)pthread_mutex_unlock(&w->all->lock);
	set_state(w, ENDING);
	(void)pthread_join(w->thread, NULL);
	batch_store_release(&w->store);
	db_close(db);
	batch_release(&w->batch[0]);
	batch_release(&w->batch[1]);
}

void
workers_close(struct workers *w)
{
	if (w == NULL)
		return;
	while (w->n > 0)
		end_worker(&w->worker[--w->n]);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->altering);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

/* The number of workers that store figures. */
static size_t
figures_n(const struct workers *w)
{
	return (w->n + 2) / 3;
}

struct row_batch *
workers_figures(struct workers *w, struct text tenant)
{
	uint64_t hash = hash_text(HASH_SEED, tenant.p, tenant.len);

	return w->worker[(hash >> 32) % figures_n(w)].filling;
}

struct row_batch *
workers_records(struct workers *w, struct text tenant, struct text chat)
{
	uint64_t hash = hash_text(HASH_SEED, tenant.p, tenant.len);
	size_t first = w->n > 1 ? figures_n(w) : 0;

	if (chat.p != NULL)
		hash = hash_text(hash, chat.p, chat.len);
	return w->worker[first + (hash >> 32) % (w->n - first)].filling;
}

static bool
is_full(const struct workers *w, const struct row_batch *b)
{
	return b->closed || b->lines >= w->full || b->bytes >= BATCH_BYTES;
}

bool
workers_full(const struct workers *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (is_full(w, w->worker[i].filling))
			return true;
	return false;
}

static void
start_worker(struct worker *w)
{
	w->storing = w->filling;
	w->filling = &w->batch[w->filling == &w->batch[0]];
	w->started++;
	set_state(w, STORING);
}

void
workers_start(struct workers *w, int64_t by_ms)
{
	struct worker *x;
	size_t i;

	for (i = 0; i < w->n; i++) {
		x = &w->worker[i];
		if (x->storing == NULL && !batch_is_empty(x->filling) &&
		    (is_full(w, x->filling) || x->filling->since_ms <= by_ms))
			start_worker(x);
	}
}

static bool
find_result(struct workers *w, struct worker_result *r)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (atomic_load(&w->worker[i].state) == STORED) {
			*r = w->worker[i].result;
			return true;
		}
	return false;
}

bool
workers_result(struct workers *w, int timeout_ms, struct worker_result *r)
{
	struct timespec end;
	bool found = find_result(w, r);
	int rc = 0;

	/* With 0, used between two blocks, this makes no system call. */
	if (found || timeout_ms == 0)
		return found;
	end = thread_deadline(timeout_ms);
	(void)pthread_mutex_lock(&w->lock);
	while (!(found = find_result(w, r)) && rc == 0)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &end);
	(void)pthread_mutex_unlock(&w->lock);
	return found;
}

void
workers_take_back(struct workers *w, const struct worker_result *r)
{
	struct worker *x = &w->worker[r->worker];

	batch_clear(x->storing);
	x->storing = NULL;
	x->safe++;
	set_state(x, IDLE);
}

void
workers_mark(const struct workers *w, struct workers_mark *m)
{
	const struct worker *x;
	size_t i;

	for (i = 0; i < w->n; i++) {
		x = &w->worker[i];
		m->batch[i] = x->started + !batch_is_empty(x->filling);
	}
}

bool
workers_safe(const struct workers *w, const struct workers_mark *m)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->worker[i].safe < m->batch[i])
			return false;
	return true;
}
