/*
 * work_queue: see work_queue.h.
 */
#include "common/http_server/work_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/thread.h"

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t thread;
	struct work_queue_job *first, **last;
	size_t jobs, most_jobs, bytes, most_bytes; /* that wait */
	void (*at_end)(void);
	bool started, closing;
};

struct work_queue *
work_queue_open(size_t jobs, size_t bytes, void (*at_end)(void))
{
	struct work_queue *l = xcalloc(1, sizeof *l);

	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->work, NULL);
	l->last = &l->first;
	l->most_jobs = jobs;
	l->most_bytes = bytes;
	l->at_end = at_end;
	return l;
}

/* The next one, or NULL: the lane is to end. */
static struct work_queue_job *
take(struct work_queue *l)
{
	struct work_queue_job *j;

	(void)pthread_mutex_lock(&l->lock);
	while (l->first == NULL && !l->closing)
		(void)pthread_cond_wait(&l->work, &l->lock);
	j = l->first;
	if (j != NULL) {
		l->first = j->next;
		if (l->first == NULL)
			l->last = &l->first;
		l->jobs--;
		l->bytes -= j->bytes;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return j;
}

static void *
work(void *ctx)
{
	struct work_queue *l = ctx;
	struct work_queue_job *j;

	while ((j = take(l)) != NULL)
		j->run(j);
	l->at_end();
	return NULL;
}

/* The lock is held. */
static bool
start(struct work_queue *l)
{
	struct buf why = BUF_INIT;

	if (l->started)
		return true;
	l->started = thread_start(&l->thread, "lane", work, l, &why) == PROG_OK;
	if (!l->started)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return l->started;
}

bool
work_queue_put(struct work_queue *l, struct work_queue_job *j)
{
	bool room;

	(void)pthread_mutex_lock(&l->lock);
	room = l->jobs < l->most_jobs && l->bytes + j->bytes <= l->most_bytes &&
	       start(l);
	if (room) {
		j->next = NULL;
		*l->last = j;
		l->last = &j->next;
		l->jobs++;
		l->bytes += j->bytes;
		(void)pthread_cond_signal(&l->work);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return room;
}

void
work_queue_close(struct work_queue *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->closing = true;
	(void)pthread_cond_signal(&l->work);
	(void)pthread_mutex_unlock(&l->lock);
	if (l->started)
		(void)pthread_join(l->thread, NULL);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->work);
	free(l);
}
