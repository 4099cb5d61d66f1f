/*
 * read_ahead: see read_ahead.h. Scanning and using records take about as long
 * as each other, and both many times as long as passing on what was scanned.
 * So threads that scan, and one that uses the records in their order, share the
 * work of two cores nearly evenly, and what uses them (a model with its tables)
 * needs no lock and stays as it is. Parted by chat instead, each thread would
 * have a model of its own, and merging these would cost more than that gains.
 *
 * There are as many threads as cores, MOST_THREADS at most, besides the one
 * that uses the records: when that waits for records they have all cores, and
 * when the ring is full they sleep; so the work is shared in any proportion.
 * They yield to the one that uses the records: else they keep it waiting for a
 * core, fill the ring, and sleep while it catches up alone.
 *
 *   part free     taken by the thread that holds `reading`, in turn
 *   part taken    read, and when others may read again, scanned
 *   part ready    given to the user when it is its turn, then free again
 */
#include "common/ahead/read_ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/os/thread.h"

/* More do not pay: one thread uses what all of them scan. */
#define MOST_THREADS 4
#define PARTS_EACH 6
/* By how much they are nicer than the thread that uses the records. */
#define NICER 4

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

struct read_ahead {
	struct endpoint *in;
	bool skips_text, gives_messages;
	size_t bytes;        /* read without threads */
	struct scanned here; /* without threads: the last block */
	const char *refusal; /* of the last part */

	size_t threads_n, running;
	pthread_t threads[MOST_THREADS];
	struct ahead_part parts[MOST_THREADS * PARTS_EACH];
	size_t parts_n;

	pthread_mutex_t reading; /* held while a part is read, and before
				    `lock` */
	pthread_mutex_t lock;    /* of all below, and of ready in parts */
	pthread_cond_t ready, room;
	uint64_t taken, given; /* parts, counted */
	bool holds;            /* the user has part `given` */
	bool ended, quit;
};

static void
init_waits(struct read_ahead *a)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&a->reading, NULL);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&a->ready, &attr);
	(void)pthread_cond_init(&a->room, NULL);
	(void)pthread_condattr_destroy(&attr);
}

struct read_ahead *
read_ahead_open(
    struct endpoint *in, size_t cores, bool skips_text, bool gives_messages)
{
	struct read_ahead *a = xcalloc(1, sizeof *a);

	a->in = in;
	a->skips_text = skips_text;
	a->gives_messages = gives_messages;
	if (cores > 1)
		a->threads_n = cores < MOST_THREADS ? cores : MOST_THREADS;
	scanned_init(&a->here);
	init_waits(a);
	return a;
}

static struct ahead_part *
part_at(struct read_ahead *a, uint64_t number)
{
	return &a->parts[number % a->parts_n];
}

/* The part that is to be read next; NULL: there is none any more. */
static struct ahead_part *
take_part(struct read_ahead *a)
{
	struct ahead_part *p = NULL;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->quit && !a->ended && a->taken - a->given == a->parts_n)
		(void)pthread_cond_wait(&a->room, &a->lock);
	if (!a->quit && !a->ended)
		p = part_at(a, a->taken);
	(void)pthread_mutex_unlock(&a->lock);
	return p;
}

static bool
shall_quit(struct read_ahead *a)
{
	bool quit;

	(void)pthread_mutex_lock(&a->lock);
	quit = a->quit;
	(void)pthread_mutex_unlock(&a->lock);
	return quit || stop_asked();
}

/* Reads the part. False: it is none, since the program shall stop. */
static bool
read_part(struct read_ahead *a, struct ahead_part *p)
{
	do {
		if (shall_quit(a))
			return false;
		p->status = endpoint_read_block(
		    a->in, &p->block, &p->len, READ_AHEAD_LOOK_MS);
	} while (p->status == ENDPOINT_WAIT);
	if (p->status == ENDPOINT_RECORD)
		endpoint_keep_block(a->in, &p->buffer);
	else if (p->status == ENDPOINT_TOOLONG)
		p->refusal = endpoint_refusal(a->in);
	(void)pthread_mutex_lock(&a->lock);
	a->taken++;
	a->ended =
	    p->status != ENDPOINT_RECORD && p->status != ENDPOINT_TOOLONG;
	(void)pthread_mutex_unlock(&a->lock);
	return true;
}

static void *
run_ahead(void *ctx)
{
	struct read_ahead *a = ctx;
	struct ahead_part *p;

	thread_be_nicer(NICER);
	for (;;) {
		(void)pthread_mutex_lock(&a->reading);
		p = take_part(a);
		if (p != NULL && !read_part(a, p))
			p = NULL;
		(void)pthread_mutex_unlock(&a->reading);
		if (p == NULL)
			return NULL;
		if (p->status == ENDPOINT_RECORD)
			scanned_fill(&p->lines, p->block, p->len);
		(void)pthread_mutex_lock(&a->lock);
		p->ready = true;
		if (p == part_at(a, a->given))
			(void)pthread_cond_signal(&a->ready);
		(void)pthread_mutex_unlock(&a->lock);
	}
}

/* Without any thread it goes on as before: it is only slower. */
static void
start_threads(struct read_ahead *a)
{
	struct buf why = BUF_INIT;
	size_t i;

	a->parts_n = a->threads_n * PARTS_EACH;
	for (i = 0; i < a->parts_n; i++) {
		scanned_init(&a->parts[i].lines);
		a->parts[i].lines.scan.skips_text = a->skips_text;
		a->parts[i].lines.gives_messages = a->gives_messages;
	}
	while (a->running < a->threads_n &&
	       thread_start(&a->threads[a->running], "read_ahead", run_ahead, a,
		   &why) == PROG_OK)
		a->running++;
	a->threads_n = a->running;
	buf_release(&why);
}

static enum endpoint_status
read_without_threads(struct read_ahead *a, struct scanned **lines)
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
give_back(struct read_ahead *a)
{
	if (!a->holds)
		return;
	a->holds = false;
	part_at(a, a->given)->ready = false;
	a->given++;
	if (a->taken - a->given <= a->parts_n / 2)
		(void)pthread_cond_signal(&a->room);
}

enum endpoint_status
read_ahead_next(struct read_ahead *a, struct scanned **lines)
{
	struct ahead_part *p;
	struct timespec end;

	if (a->running == 0 && a->threads_n > 0 && a->bytes >= FEW_BYTES)
		start_threads(a);
	if (a->running == 0)
		return read_without_threads(a, lines);
	(void)pthread_mutex_lock(&a->lock);
	give_back(a);
	p = part_at(a, a->given);
	while (!p->ready && !stop_asked()) {
		end = thread_deadline(READ_AHEAD_LOOK_MS);
		(void)pthread_cond_timedwait(&a->ready, &a->lock, &end);
	}
	a->holds = p->ready;
	(void)pthread_mutex_unlock(&a->lock);
	if (!a->holds)
		return ENDPOINT_WAIT;
	*lines = &p->lines;
	a->refusal = p->refusal;
	return p->status;
}

const char *
read_ahead_refusal(const struct read_ahead *a)
{
	return a->refusal;
}

void
read_ahead_close(struct read_ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->quit = true;
	(void)pthread_cond_broadcast(&a->room);
	(void)pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->running; i++)
		(void)pthread_join(a->threads[i], NULL);
	for (i = 0; i < a->parts_n; i++) {
		scanned_release(&a->parts[i].lines);
		free(a->parts[i].buffer.data);
	}
	scanned_release(&a->here);
	(void)pthread_cond_destroy(&a->ready);
	(void)pthread_cond_destroy(&a->room);
	(void)pthread_mutex_destroy(&a->reading);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}
