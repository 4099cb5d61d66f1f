/*
 * parallel_scan: see parallel_scan.h. Scanning and using records take about as
 * long as each other, and both many times as long as passing on what was
 * scanned. So threads that scan, and one that uses the records in their order,
 * share the work of two cores nearly evenly, and what uses them (a model with
 * its tables) needs no lock and stays as it is. Parted by chat instead, each
 * thread would have a model of its own, and merging these would cost more than
 * that gains.
 *
 * There is a thread for each core but that of the one that uses the records: it
 * scans, too, when the next part is not there yet. So every core is at work in
 * any proportion of scanning and using, and no two threads share one: these
 * would wait for a core while records wait for them.
 *
 *   part free     taken when none is being read
 *   part taken    read, and when another one may be read, scanned
 *   part ready    given to the user when it is its turn, then free again
 */
#include "common/parallel/parallel_scan.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/os/thread.h"

/* More do not pay: one thread uses what all of them scan. */
#define MOST_THREADS 4
#define PARTS_EACH 4 /* also for the one that uses them */

/* Bytes that are read without threads: what costs less than these do. */
#define FEW_BYTES ((size_t)256 * 1024)

struct ahead_part {
	bool ready;
	enum endpoint_status status;
	const char *refusal;
	struct scanned lines;
	char *block; /* in the buffer: what `lines` is about */
	size_t len;
	struct lines_buffer buffer;
};

struct parallel_scan {
	struct endpoint *in;
	bool skips_text, gives_messages;
	size_t bytes;        /* read without threads */
	struct scanned here; /* without threads: the last block */
	const char *refusal; /* of the last part */

	size_t threads_n, running;
	pthread_t threads[MOST_THREADS];
	struct ahead_part parts[(MOST_THREADS + 1) * PARTS_EACH];
	size_t parts_n;

	pthread_mutex_t lock;  /* of all below, and of ready in parts */
	pthread_cond_t turn;   /* of threads: a part may be taken */
	pthread_cond_t ready;  /* of the user: the same, or it has a part */
	uint64_t taken, given; /* parts, counted */
	bool reading;          /* part `taken` */
	bool holds;            /* the user has part `given` */
	bool ended, quit;
};

static void
init_waits(struct parallel_scan *a)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&a->ready, &attr);
	(void)pthread_cond_init(&a->turn, NULL);
	(void)pthread_condattr_destroy(&attr);
}

struct parallel_scan *
parallel_scan_open(
    struct endpoint *in, size_t cores, bool skips_text, bool gives_messages)
{
	struct parallel_scan *a = xcalloc(1, sizeof *a);

	a->in = in;
	a->skips_text = skips_text;
	a->gives_messages = gives_messages;
	a->threads_n = cores - 1 < MOST_THREADS ? cores - 1 : MOST_THREADS;
	scanned_init(&a->here);
	init_waits(a);
	return a;
}

static struct ahead_part *
part_at(struct parallel_scan *a, uint64_t number)
{
	return &a->parts[number % a->parts_n];
}

/* The part that is to be read now; NULL: there is none. With the lock. */
static struct ahead_part *
take_part(struct parallel_scan *a)
{
	if (a->reading || a->ended || a->quit ||
	    a->taken - a->given == a->parts_n)
		return NULL;
	a->reading = true;
	return part_at(a, a->taken);
}

/* Waits for it; NULL: there is none any more. */
static struct ahead_part *
wait_for_turn(struct parallel_scan *a)
{
	struct ahead_part *p;

	(void)pthread_mutex_lock(&a->lock);
	while ((p = take_part(a)) == NULL && !a->ended && !a->quit)
		(void)pthread_cond_wait(&a->turn, &a->lock);
	(void)pthread_mutex_unlock(&a->lock);
	return p;
}

static bool
shall_quit(struct parallel_scan *a)
{
	bool quit;

	(void)pthread_mutex_lock(&a->lock);
	quit = a->quit;
	(void)pthread_mutex_unlock(&a->lock);
	return quit || stop_asked();
}

/* Another part may be read. */
static void
end_reading(struct parallel_scan *a, const struct ahead_part *p)
{
	(void)pthread_mutex_lock(&a->lock);
	a->reading = false;
	if (p->status != ENDPOINT_WAIT)
		a->taken++;
	a->ended = p->status != ENDPOINT_RECORD &&
		   p->status != ENDPOINT_TOOLONG && p->status != ENDPOINT_WAIT;
	if (a->ended)
		(void)pthread_cond_broadcast(&a->turn);
	else
		(void)pthread_cond_signal(&a->turn);
	(void)pthread_cond_signal(&a->ready);
	(void)pthread_mutex_unlock(&a->lock);
}

/* Reads a part that was taken. False: nothing came in time. */
static bool
read_part(struct parallel_scan *a, struct ahead_part *p, bool waits)
{
	do
		p->status = endpoint_read_block(a->in, &p->block, &p->len,
		    waits ? PARALLEL_SCAN_LOOK_MS : 0);
	while (p->status == ENDPOINT_WAIT && waits && !shall_quit(a));
	if (p->status == ENDPOINT_RECORD)
		endpoint_keep_block(a->in, &p->buffer);
	else if (p->status == ENDPOINT_TOOLONG)
		p->refusal = endpoint_refusal(a->in);
	end_reading(a, p);
	return p->status != ENDPOINT_WAIT;
}

static void
scan_part(struct parallel_scan *a, struct ahead_part *p)
{
	if (p->status == ENDPOINT_RECORD)
		scanned_fill(&p->lines, p->block, p->len);
	(void)pthread_mutex_lock(&a->lock);
	p->ready = true;
	if (p == part_at(a, a->given))
		(void)pthread_cond_signal(&a->ready);
	(void)pthread_mutex_unlock(&a->lock);
}

static void *
run_ahead(void *ctx)
{
	struct parallel_scan *a = ctx;
	struct ahead_part *p;

	while ((p = wait_for_turn(a)) != NULL && read_part(a, p, true))
		scan_part(a, p);
	return NULL;
}

/* Without any thread it goes on as before: it is only slower. */
static void
start_threads(struct parallel_scan *a)
{
	struct buf why = BUF_INIT;
	size_t i;

	a->parts_n = (a->threads_n + 1) * PARTS_EACH;
	for (i = 0; i < a->parts_n; i++) {
		scanned_init(&a->parts[i].lines);
		a->parts[i].lines.scan.skips_text = a->skips_text;
		a->parts[i].lines.gives_messages = a->gives_messages;
	}
	while (a->running < a->threads_n &&
	       thread_start(&a->threads[a->running], "parallel_scan", run_ahead,
		   a, &why) == PROG_OK)
		a->running++;
	a->threads_n = a->running;
	buf_release(&why);
}

static enum endpoint_status
read_without_threads(struct parallel_scan *a, struct scanned **lines)
{
	char *block = NULL;
	size_t len = 0;
	enum endpoint_status status =
	    endpoint_read_block(a->in, &block, &len, -1);

	if (status == ENDPOINT_RECORD) {
		scanned_leave(&a->here, block, len);
		*lines = &a->here;
		a->bytes += len;
	} else if (status == ENDPOINT_TOOLONG) {
		a->refusal = endpoint_refusal(a->in);
	}
	return status;
}

/* The user has used the last part. Who waits for room is woken when half of the
 * ring is free, so that there is seldom something to wake. */
static void
give_back(struct parallel_scan *a)
{
	if (!a->holds)
		return;
	a->holds = false;
	part_at(a, a->given)->ready = false;
	a->given++;
	if (a->taken - a->given <= a->parts_n / 2)
		(void)pthread_cond_signal(&a->turn);
}

/* The user scans a part, or waits until there may be something to do. With the
 * lock. */
static void
help_ahead(struct parallel_scan *a)
{
	struct ahead_part *p = take_part(a);
	struct timespec end;
	bool came = false;

	if (p != NULL) {
		(void)pthread_mutex_unlock(&a->lock);
		came = read_part(a, p, false);
		if (came)
			scan_part(a, p);
		(void)pthread_mutex_lock(&a->lock);
	}
	if (came || part_at(a, a->given)->ready)
		return;
	end = thread_deadline(PARALLEL_SCAN_LOOK_MS);
	(void)pthread_cond_timedwait(&a->ready, &a->lock, &end);
}

enum endpoint_status
parallel_scan_next(struct parallel_scan *a, struct scanned **lines)
{
	struct ahead_part *p;

	if (a->running == 0 && a->threads_n > 0 && a->bytes >= FEW_BYTES)
		start_threads(a);
	if (a->running == 0)
		return read_without_threads(a, lines);
	(void)pthread_mutex_lock(&a->lock);
	give_back(a);
	p = part_at(a, a->given);
	while (!p->ready && !stop_asked())
		help_ahead(a);
	a->holds = p->ready;
	(void)pthread_mutex_unlock(&a->lock);
	if (!a->holds)
		return ENDPOINT_WAIT;
	*lines = &p->lines;
	a->refusal = p->refusal;
	return p->status;
}

const char *
parallel_scan_refusal(const struct parallel_scan *a)
{
	return a->refusal;
}

void
parallel_scan_close(struct parallel_scan *a)
{
	size_t i;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->quit = true;
	(void)pthread_cond_broadcast(&a->turn);
	(void)pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->running; i++)
		(void)pthread_join(a->threads[i], NULL);
	for (i = 0; i < a->parts_n; i++) {
		scanned_release(&a->parts[i].lines);
		free(a->parts[i].buffer.data);
	}
	scanned_release(&a->here);
	(void)pthread_cond_destroy(&a->ready);
	(void)pthread_cond_destroy(&a->turn);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}
