/*
 * work_queue: see work_queue.h.
 */
#include "common/http/work_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

/* A lane has waiting or running jobs; it exists only as long as it has any. */
struct lane {
	uint64_t id;
	struct work_queue_job *first, **last;
	size_t waiting;
	unsigned running;
	struct lane *next;
};

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t threads[WORK_QUEUE_THREADS];
	unsigned threads_n, most_threads;
	unsigned idle;      /* threads that wait for a job */
	struct lane *lanes; /* the lane that had the last turn comes last */
	size_t jobs, most_jobs, bytes, most_bytes; /* of waiting jobs */
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
	q->most_threads =
	    threads < WORK_QUEUE_THREADS ? threads : WORK_QUEUE_THREADS;
	q->most_jobs = jobs;
	q->most_bytes = bytes;
	q->at_end = at_end;
	return q;
}

/* Returns the link to the lane with that number; *it is NULL if there is
 * none. */
static struct lane **
find_lane(struct work_queue *q, uint64_t id)
{
	struct lane **l = &q->lanes;

	while (*l != NULL && (*l)->id != id)
		l = &(*l)->next;
	return l;
}

/* If there are at least two threads, one always remains free for other
 * lanes. */
static bool
may_run(const struct work_queue *q, const struct lane *l)
{
	return l->first != NULL &&
	       (l->id == 0 || q->closing || q->most_threads == 1 ||
		   l->running + 1 < q->most_threads);
}

/* Returns the lane whose turn it is, and moves it to the end: among the lanes
 * that may run, the one with the fewest running jobs that has waited longest.
 * NULL: none. */
static struct lane *
take_turn(struct work_queue *q)
{
	struct lane **l, **best = NULL, *taken;

	for (l = &q->lanes; *l != NULL; l = &(*l)->next) {
		if (may_run(q, *l) &&
		    (best == NULL || (*l)->running < (*best)->running))
			best = l;
	}
	if (best == NULL)
		return NULL;
	taken = *best;
	*best = taken->next;
	for (l = best; *l != NULL; l = &(*l)->next)
		;
	taken->next = NULL;
	*l = taken;
	return taken;
}

/* Records that one of the lane's jobs is complete. A lane without jobs is
 * removed. */
static void
leave_lane(struct work_queue *q, struct lane *l)
{
	l->running--;
	if (l->running > 0 || l->waiting > 0)
		return;
	*find_lane(q, l->id) = l->next;
	free(l);
}

static struct work_queue_job *
take_first(struct work_queue *q, struct lane *l)
{
	struct work_queue_job *j = l->first;

	l->first = j->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->waiting--;
	l->running++;
	q->jobs--;
	q->bytes -= j->bytes;
	return j;
}

/* Waits for the next job; the previous job in *lane is done (NULL: there was
 * none). Returns NULL if the queue is closed and empty. */
static struct work_queue_job *
take_job(struct work_queue *q, struct lane **lane)
{
	struct work_queue_job *j = NULL;

	(void)pthread_mutex_lock(&q->lock);
	if (*lane != NULL)
		leave_lane(q, *lane);
	q->idle++;
	while ((*lane = take_turn(q)) == NULL && !q->closing)
		(void)pthread_cond_wait(&q->work, &q->lock);
	q->idle--;
	if (*lane != NULL)
		j = take_first(q, *lane);
	(void)pthread_mutex_unlock(&q->lock);
	return j;
}

static void *
run_jobs(void *ctx)
{
	struct work_queue *q = ctx;
	struct work_queue_job *j;
	struct lane *lane = NULL;

	while ((j = take_job(q, &lane)) != NULL) {
		notify_alive();
		j->run(j);
		notify_idle();
	}
	if (q->at_end != NULL)
		q->at_end();
	return NULL;
}

/* Starts another thread if more jobs wait than there are idle threads. Returns
 * false if there is no thread at all. The lock must be held. */
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

static void
add_to_lane(struct work_queue *q, struct work_queue_job *j)
{
	struct lane **at = find_lane(q, j->lane), *l = *at;

	if (l == NULL) {
		l = *at = xcalloc(1, sizeof *l);
		l->id = j->lane;
		l->last = &l->first;
	}
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
	l->waiting++;
	q->jobs++;
	q->bytes += j->bytes;
	(void)pthread_cond_signal(&q->work);
}

/* The lock must be held. */
static bool
has_room(struct work_queue *q, const struct work_queue_job *j)
{
	const struct lane *l = *find_lane(q, j->lane);

	return q->jobs < q->most_jobs && q->bytes + j->bytes <= q->most_bytes &&
	       (l == NULL || l->id == 0 || l->waiting < q->most_jobs / 2);
}

bool
work_queue_put(struct work_queue *q, struct work_queue_job *j)
{
	bool room;

	(void)pthread_mutex_lock(&q->lock);
	room = has_room(q, j) && start_queue_thread(q);
	if (room)
		add_to_lane(q, j);
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
