/*
 * work_queue: see work_queue.h.
 */
#include "common/http_server/work_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t threads[WORK_QUEUE_THREADS];
	unsigned threads_n, most_threads, idle; /* idle: wait for a job */
	struct work_queue_job *first, **last;
	size_t jobs, most_jobs, bytes, most_bytes; /* that wait */
	void (*at_end)(void);
	bool closing;
};

struct work_queue *
work_queue_open(
    unsigned threads, size_t jobs, size_t bytes, void (*at_end)(void))
{
	struct work_queue *q = xcalloc(1, sizeof *q);

	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->work, NULL);
	q->last = &q->first;
	q->most_threads =
	    threads < WORK_QUEUE_THREADS ? threads : WORK_QUEUE_THREADS;
	q->most_jobs = jobs;
	q->most_bytes = bytes;
	q->at_end = at_end;
	return q;
}

/* Waits for the next job. NULL: the queue is closed and empty. */
static struct work_queue_job *
take_job(struct work_queue *q)
{
	struct work_queue_job *j;

	(void)pthread_mutex_lock(&q->lock);
	q->idle++;
	while (q->first == NULL && !q->closing)
		(void)pthread_cond_wait(&q->work, &q->lock);
	q->idle--;
	j = q->first;
	if (j != NULL) {
		q->first = j->next;
		if (q->first == NULL)
			q->last = &q->first;
		q->jobs--;
		q->bytes -= j->bytes;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return j;
}

static void *
run_jobs(void *ctx)
{
	struct work_queue *q = ctx;
	struct work_queue_job *j;

	while ((j = take_job(q)) != NULL) {
		notify_alive();
		j->run(j);
		notify_idle();
	}
	q->at_end();
	return NULL;
}

/* Starts one more thread when more jobs than idle threads would wait. False:
 * there is no thread at all. The lock is held. */
static bool
start_queue_thread(struct work_queue *q)
{
	struct buf why = BUF_INIT;

	if (q->jobs < q->idle || q->threads_n == q->most_threads)
		return true;
	if (thread_start(&q->threads[q->threads_n], "work_queue", run_jobs, q,
		&why) == PROG_OK)
		q->threads_n++;
	else
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return q->threads_n > 0;
}

bool
work_queue_put(struct work_queue *q, struct work_queue_job *j)
{
	bool room;

	(void)pthread_mutex_lock(&q->lock);
	room = q->jobs < q->most_jobs && q->bytes + j->bytes <= q->most_bytes &&
	       start_queue_thread(q);
	if (room) {
		j->next = NULL;
		*q->last = j;
		q->last = &j->next;
		q->jobs++;
		q->bytes += j->bytes;
		(void)pthread_cond_signal(&q->work);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return room;
}

void
work_queue_close(struct work_queue *q)
{
	if (q == NULL)
		return;
	(void)pthread_mutex_lock(&q->lock);
	q->closing = true;
	(void)pthread_cond_broadcast(&q->work);
	(void)pthread_mutex_unlock(&q->lock);
	while (q->threads_n > 0)
		(void)pthread_join(q->threads[--q->threads_n], NULL);
	(void)pthread_mutex_destroy(&q->lock);
	(void)pthread_cond_destroy(&q->work);
	free(q);
}
