/*
 * group_queue: see group_queue.h.
 */
#include "sink/read/group_queue.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

enum {
	/* One connection alone stores a group of up to that many rows: a second
	 * transaction would cost more than it gains. */
	WHOLE_ROWS = 500,
	/* The same where messages come beside metrics and would wait for a
	 * group that has all connections. */
	WHOLE_ROWS_BESIDE = 2000,
};

struct batch_group *
group_queue_filling(struct group_queue *q)
{
	return q->filling;
}

struct batch_group *
group_queue_oldest(struct group_queue *q)
{
	return q->n > 0 ? q->running[0] : NULL;
}

/* Takes over from the workers, which store other groups next, what became of
 * this one. */
static void
end_group(struct group_queue *q, struct batch_group *g)
{
	struct store_worker *w;
	uint64_t retries;
	size_t i;

	g->took_ms = clock_mono_ms() - g->storing_ms;
	for (i = 0; i < g->parts; i++) {
		w = q->workers[g->worker + i];
		g->done[i] = store_worker_done(w);
		retries = db_retries(store_worker_db(w));
		g->retries += retries - q->retries[g->worker + i];
		q->retries[g->worker + i] = retries;
		if (g->outcome == OUTCOME_NEVER ||
		    store_worker_outcome(w) == OUTCOME_DONE)
			continue;
		g->outcome = store_worker_outcome(w);
		g->failed = i;
	}
	g->stored = true;
}

static bool
is_stored(struct group_queue *q, struct batch_group *g, int timeout_ms)
{
	size_t i;

	if (g->stored)
		return true;
	for (i = 0; i < g->parts; i++)
		if (!store_worker_wait(q->workers[g->worker + i], timeout_ms))
			return false;
	end_group(q, g);
	return true;
}

bool
group_queue_oldest_stored(struct group_queue *q, int timeout_ms)
{
	return is_stored(q, q->running[0], timeout_ms);
}

/* The running group that the filled one must not run beside; NULL: none. What
 * failed stays the last one of its worker. */
static struct batch_group *
in_the_way(struct group_queue *q)
{
	struct batch_group *g = q->filling, *other;
	bool messages = batch_group_only_messages(g);
	size_t i;

	for (i = 0; i < q->n; i++) {
		other = q->running[i];
		if (is_stored(q, other, 0)
			? other->outcome != OUTCOME_DONE
			: !q->beside || other->parts > 1 ||
			      other->messages == messages || g->rows > q->whole)
			return other;
	}
	return NULL;
}

bool
group_queue_may_start(struct group_queue *q)
{
	return q->n < GROUP_QUEUE_MAX && in_the_way(q) == NULL;
}

void
group_queue_wait(struct group_queue *q, int timeout_ms)
{
	struct batch_group *g = in_the_way(q);

	/* One that failed stays in the way. */
	if (g == NULL || g->stored)
		g = q->running[0];
	(void)is_stored(q, g, timeout_ms);
}

/* Whether a group that runs has the worker. */
static bool
is_worker_busy(struct group_queue *q, size_t worker)
{
	const struct batch_group *g;
	size_t i;

	for (i = 0; i < q->n; i++) {
		g = q->running[i];
		if (!g->stored && worker >= g->worker &&
		    worker < g->worker + g->parts)
			return true;
	}
	return false;
}

/* The first one that is free, so that few of them ever grow large. */
static void
fill_next(struct group_queue *q)
{
	size_t i = 0;

	q->filling = q->groups;
	while (i < q->n)
		if (q->running[i++] == q->filling) {
			q->filling++;
			i = 0;
		}
}

void
group_queue_start(struct group_queue *q)
{
	struct batch_group *g = q->filling;
	bool alone = true;
	size_t i;

	g->worker = 0;
	while (is_worker_busy(q, g->worker))
		g->worker++;
	for (i = 0; i < q->n; i++)
		alone = alone && q->running[i]->stored;
	g->messages = batch_group_only_messages(g);
	partitions_prepare(&q->partitions,
	    store_worker_db(q->workers[g->worker]), &g->part[0]);
	if (batch_is_empty(&g->part[0]))
		g->parts = 0;
	else
		batch_group_divide(g, alone ? q->workers_n : 1, q->whole);
	g->storing_ms = clock_mono_ms();
	for (i = 0; i < g->parts; i++)
		store_worker_start(
		    q->workers[g->worker + i], g, i, q->wait_forever);
	q->running[q->n++] = g;
	fill_next(q);
}

void
group_queue_remove(struct group_queue *q)
{
	batch_group_clear(q->running[0]);
	memmove(q->running, q->running + 1, --q->n * sizeof q->running[0]);
}

struct db *
group_queue_db(struct group_queue *q, const struct batch_group *g)
{
	return store_worker_db(q->workers[g->worker + g->failed]);
}

void
group_queue_init(struct group_queue *q, struct db *db, const struct conf *conf,
    bool endless, bool wait_forever)
{
	size_t batch = (size_t)conf_int(conf, "sink", "batch");
	int64_t keep_ms = conf_int(conf, "reaper", "tombstones");
	bool all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	size_t i;

	memset(q, 0, sizeof *q);
	q->wait_forever = wait_forever;
	q->filling = q->groups;
	q->workers_n = (size_t)conf_int(conf, "sink", "connections");
	q->beside = endless && q->workers_n > 1;
	q->whole = q->beside ? WHOLE_ROWS_BESIDE : WHOLE_ROWS;
	if (q->whole > batch)
		q->whole = batch;
	for (i = 0; i < q->workers_n; i++)
		q->workers[i] = store_worker_new(
		    i == 0 ? db : db_another(db), keep_ms, all, &q->stored);
}

void
group_queue_release(struct group_queue *q)
{
	size_t i;

	for (i = 0; i < q->workers_n; i++)
		store_worker_free(q->workers[i]);
	for (i = 0; i < ARRAY_LEN(q->groups); i++)
		batch_group_release(&q->groups[i]);
	partitions_release(&q->partitions);
}
