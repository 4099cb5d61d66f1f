/*
 * state_log_thread: makes the entries of a log durable on a thread of its own,
 * one at a time, while the caller goes on. fdatasync(2) takes nearly all of the
 * time of a commit, and no CPU: `tests/bench/run trace`.
 */
#include "aggregator/state/state_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/os/thread.h"

struct state_log_thread {
	struct state_log *log;
	pthread_t thread;
	pthread_mutex_t lock; /* for what is below */
	pthread_cond_t changed;
	bool busy, ending;
	struct buf entry;
	uint64_t number;
	int error; /* of the last entry; an errno, 0: none */
};

static void *
write_log_entries(void *ctx)
{
	struct state_log_thread *t = ctx;
	int error;

	(void)pthread_mutex_lock(&t->lock);
	while (t->busy || !t->ending) {
		if (!t->busy) {
			(void)pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&t->lock);
		error = state_log_add(t->log, t->number, &t->entry) == -1
			    ? errno
			    : 0;
		(void)pthread_mutex_lock(&t->lock);
		t->error = error;
		t->busy = false;
		(void)pthread_cond_broadcast(&t->changed);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct state_log_thread *
state_log_thread_new(struct state_log *l)
{
	struct state_log_thread *t = xcalloc(1, sizeof *t);

	t->log = l;
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->changed, NULL);
	thread_must_start(&t->thread, "state", write_log_entries, t);
	return t;
}

void
state_log_thread_add(
    struct state_log_thread *t, uint64_t number, struct buf *entry)
{
	struct buf empty = t->entry;

	(void)pthread_mutex_lock(&t->lock);
	t->entry = *entry;
	t->number = number;
	t->busy = true;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
	buf_clear(&empty);
	*entry = empty;
}

bool
state_log_thread_is_idle(struct state_log_thread *t, bool wait, int *error)
{
	bool idle;

	(void)pthread_mutex_lock(&t->lock);
	while (t->busy && wait)
		(void)pthread_cond_wait(&t->changed, &t->lock);
	idle = !t->busy;
	*error = t->error;
	(void)pthread_mutex_unlock(&t->lock);
	return idle;
}

void
state_log_thread_free(struct state_log_thread *t)
{
	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->lock);
	t->ending = true;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
	(void)pthread_join(t->thread, NULL);
	(void)pthread_mutex_destroy(&t->lock);
	(void)pthread_cond_destroy(&t->changed);
	buf_release(&t->entry);
	free(t);
}
