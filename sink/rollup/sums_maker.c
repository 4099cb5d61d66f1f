/*
 * sums_maker: see sums_maker.h.
 */
#include "sink/rollup/sums_maker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/os/thread.h"
#include "sink/rollup/sums_due.h"

enum { PAUSE_MS = 10000, HOURS_OF_RUN = 24 };

struct sums_maker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ending;
	struct db *db;
};

/* One hour. False: nothing is due, or it failed and is tried again later. */
static bool
make_one(struct sums_due *s)
{
	enum outcome o = db_wake(s->db);
	bool made = false;

	if (o == OUTCOME_DONE)
		o = sums_due_make_one(s, clock_now_ms(), &made);
	if (o != OUTCOME_DONE)
		log_debug("sums_due", "why=\"%s\"", db_why(s->db));
	return o == OUTCOME_DONE && made;
}

/* False: the thread is to end. */
static bool
pause_maker(struct sums_maker *m)
{
	struct timespec end = thread_deadline(PAUSE_MS);
	bool ending;
	int rc = 0;

	(void)pthread_mutex_lock(&m->lock);
	while (!m->ending && rc == 0)
		rc = pthread_cond_timedwait(&m->changed, &m->lock, &end);
	ending = m->ending;
	(void)pthread_mutex_unlock(&m->lock);
	return !ending;
}

static void *
sums_maker_main(void *ctx)
{
	struct sums_maker *m = ctx;
	struct sums_due s;

	db_thread_begin();
	notify_aside();
	sums_due_init(&s, m->db);
	while (pause_maker(m)) {
		while (!stop_asked() && make_one(&s))
			continue;
	}
	sums_due_release(&s);
	db_close(m->db);
	db_thread_end();
	return NULL;
}

struct sums_maker *
sums_maker_start(struct db *db)
{
	struct sums_maker *m = xcalloc(1, sizeof *m);
	pthread_condattr_t monotonic;

	m->db = db;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&m->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	thread_must_start(&m->thread, "sums", sums_maker_main, m);
	return m;
}

void
sums_maker_end(struct sums_maker *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->ending = true;
	(void)pthread_cond_broadcast(&m->changed);
	(void)pthread_mutex_unlock(&m->lock);
	(void)pthread_join(m->thread, NULL);
	(void)pthread_mutex_destroy(&m->lock);
	(void)pthread_cond_destroy(&m->changed);
	free(m);
}

void
sums_maker_run(struct db *db)
{
	struct sums_due s;
	size_t n = 0;

	sums_due_init(&s, db);
	while (n < HOURS_OF_RUN && !stop_asked() && make_one(&s))
		n++;
	sums_due_release(&s);
	db_close(db);
}
