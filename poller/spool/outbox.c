/*
 * outbox: see outbox.h; here is the spool writer, and what is called from
 * outside.
 */
#include "poller/spool/outbox_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/thread.h"

/* Between two looks at the clock. */
#define KEEPER_MS 100
/* Between two lines of the log that say the same. */
#define TELL_MS 10000

void
outbox_line_clear(struct outbox_line *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void
outbox_line_add(struct outbox_line *l, struct pending_request *p)
{
	p->next = NULL;
	*l->last = p;
	l->last = &p->next;
}

/* Behind the end of `to`; from is empty then. */
void
outbox_line_move(struct outbox_line *to, struct outbox_line *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	outbox_line_clear(from);
}

void
outbox_answer(struct outbox_line *l, bool safe)
{
	struct pending_request *p, *next;

	for (p = l->first; p != NULL; p = next) {
		next = p->next;
		p->done(p, safe);
	}
	outbox_line_clear(l);
}

/* Waits at most ms; the lock is held. */
void
outbox_wait(struct outbox *o, pthread_cond_t *c, int64_t ms)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(ms / 1000);
	end.tv_nsec += (long)(ms % 1000) * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	(void)pthread_cond_timedwait(c, &o->lock, &end);
}

/* At the first request, and then now and again. */
static void
tell(struct outbox *o, const char *why)
{
	int64_t now = clock_mono_ms();

	if (o->told_ms != 0 && now - o->told_ms < TELL_MS)
		return;
	o->told_ms = now;
	if (why != NULL)
		log_error("%s; requests get 503", why);
	else if (o->opt.spool != NULL)
		log_warn("'%s' does not confirm; what comes is kept in '%s'",
		    o->opt.to, spool_dir(o->opt.spool));
	else
		log_warn("'%s' does not confirm; requests get 503", o->opt.to);
}

void
outbox_step(struct outbox *o, enum outbox_event e)
{
	enum outbox_state next = outbox_next(o->state, e);

	if (next == OUTBOX_STATES)
		prog_die(PROG_SOFTWARE,
		    "the outbox cannot go on: event %d in state %d; this is a "
		    "mistake in the program",
		    (int)e, (int)o->state);
	o->state = next;
}

void
outbox_confirms(struct outbox *o, bool confirms)
{
	(void)pthread_mutex_lock(&o->lock);
	o->confirms = confirms;
	(void)pthread_mutex_unlock(&o->lock);
}

/* Lines that were kept, and whether some were refused. */
static void
note_kept(struct outbox *o, uint64_t lines, bool refused)
{
	struct spool *b = o->opt.spool;
	uint64_t size = b != NULL && refused ? spool_bytes(b) + 1 : 0;

	(void)pthread_mutex_lock(&o->lock);
	o->kept += lines;
	o->refused_size = size;
	(void)pthread_mutex_unlock(&o->lock);
}

/* Both kinds of lines, or none that counts. */
static int
add(struct outbox *o, const struct pending_request *p, struct buf *why)
{
	struct spool *b = o->opt.spool;
	int rc = 0;

	if (p->records->len > 0)
		rc = spool_add(b, p->records->data, p->records->len, why);
	if (rc == 0 && p->dead->len > 0)
		rc = spool_add(b, p->dead->data, p->dead->len, why);
	return rc;
}

/* Into the spool, one sync for all, and answers. The line is empty then. */
static void
keep_all(struct outbox *o, struct outbox_line *all)
{
	struct outbox_line kept, lost;
	struct pending_request *p, *next;
	struct buf why = BUF_INIT;
	unsigned long long n = 0;
	uint64_t lines = 0;

	outbox_line_clear(&kept);
	outbox_line_clear(&lost);
	for (p = all->first; p != NULL; p = next) {
		next = p->next;
		if (o->opt.spool != NULL && add(o, p, &why) == 0) {
			outbox_line_add(&kept, p);
			lines += p->n;
			n++;
		} else {
			outbox_line_add(&lost, p);
		}
	}
	outbox_line_clear(all);
	if (kept.first != NULL && spool_sync(o->opt.spool, &why) != 0)
		outbox_line_move(&lost, &kept);
	tell(o, why.len > 0 ? buf_str(&why) : NULL);
	note_kept(o, kept.first != NULL ? lines : 0, lost.first != NULL);
	if (kept.first != NULL)
		(void)atomic_fetch_add_explicit(
		    &o->opt.counts->spooled, n, memory_order_relaxed);
	outbox_answer(&kept, true);
	outbox_answer(&lost, false);
	buf_release(&why);
}

/* True when there is work for the spool writer; the lock is held. */
static bool
is_due(struct outbox *o)
{
	int64_t now = clock_mono_ms(), most = o->opt.wait_timeout_ms;

	if (o->sent.first != NULL && now - o->sent_ms >= most) {
		if (o->state == OUTBOX_DIRECT)
			outbox_step(o, OUTBOX_TROUBLE);
		o->confirms = false;
	}
	if (o->state == OUTBOX_DIRECT)
		return false;
	if (o->state == OUTBOX_REJOINING && now - o->rejoining_ms >= most)
		outbox_step(o, OUTBOX_TIRED);
	return o->sent.first != NULL ||
	       (o->state != OUTBOX_REJOINING && o->waiting.first != NULL);
}

static void *
keep(void *ctx)
{
	struct outbox *o = ctx;
	struct outbox_line all;

	outbox_line_clear(&all);
	(void)pthread_mutex_lock(&o->lock);
	for (;;) {
		if (!is_due(o)) {
			if (o->state == OUTBOX_CLOSED)
				break;
			outbox_wait(o, &o->trouble, KEEPER_MS);
			continue;
		}
		outbox_line_move(&all, &o->sent);
		if (o->state != OUTBOX_REJOINING)
			outbox_line_move(&all, &o->waiting);
		o->keeping = true;
		(void)pthread_mutex_unlock(&o->lock);
		keep_all(o, &all);
		(void)pthread_mutex_lock(&o->lock);
		o->keeping = false;
		(void)pthread_cond_signal(&o->work);
	}
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}

static void
init_locks(struct outbox *o)
{
	pthread_condattr_t monotonic;

	(void)pthread_mutex_init(&o->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&o->work, &monotonic);
	(void)pthread_cond_init(&o->trouble, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

static void
release(struct outbox *o)
{
	endpoint_close(o->out);
	endpoint_close(o->dead);
	spool_close(o->opt.spool);
	dead_letter_files_close(o->opt.letters);
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_cond_destroy(&o->work);
	(void)pthread_cond_destroy(&o->trouble);
	buf_release(&o->batch);
	free(o);
}

struct outbox *
outbox_open(
    const struct outbox_options *opt, enum exit_code *code, struct buf *why)
{
	struct outbox *o = xcalloc(1, sizeof *o);
	enum outcome there = OUTCOME_NEVER;

	o->opt = *opt;
	outbox_line_clear(&o->waiting);
	outbox_line_clear(&o->sent);
	init_locks(o);
	o->out = outbox_endpoint(o, opt->to, code, why);
	if (o->out != NULL) {
		there = endpoint_connect(o->out);
		if (there == OUTCOME_NEVER) {
			*code = endpoint_code(o->out);
			buf_setf(why, "%s", endpoint_why(o->out));
		}
	}
	if (there == OUTCOME_NEVER) {
		release(o);
		return NULL;
	}
	o->confirms = there == OUTCOME_DONE;
	if (opt->spool != NULL)
		o->kept = spool_lines(opt->spool);
	o->state = OUTBOX_DIRECT;
	if (there != OUTCOME_DONE ||
	    (opt->spool != NULL && !spool_is_empty(opt->spool)))
		outbox_step(o, OUTBOX_TROUBLE);
	thread_must_start(&o->publisher, "publish", outbox_publish, o);
	thread_must_start(&o->spool_writer, "keep", keep, o);
	return o;
}

void
outbox_put(struct outbox *o, struct pending_request *p)
{
	(void)pthread_mutex_lock(&o->lock);
	outbox_line_add(&o->waiting, p);
	(void)pthread_cond_signal(
	    o->state == OUTBOX_DIRECT ? &o->work : &o->trouble);
	(void)pthread_mutex_unlock(&o->lock);
}

bool
outbox_has_ended(struct outbox *o, enum exit_code *code)
{
	bool ended;

	(void)pthread_mutex_lock(&o->lock);
	ended = o->state == OUTBOX_ENDED;
	*code = o->code;
	(void)pthread_mutex_unlock(&o->lock);
	return ended;
}

static uint64_t
count_lines(const struct outbox_line *l)
{
	const struct pending_request *p;
	uint64_t n = 0;

	for (p = l->first; p != NULL; p = p->next)
		n += p->n;
	return n;
}

void
outbox_look(struct outbox *o, struct outbox_view *view)
{
	struct spool *b = o->opt.spool;
	uint64_t bytes = b != NULL ? spool_bytes(b) : 0;
	bool ended;

	(void)pthread_mutex_lock(&o->lock);
	ended = o->state == OUTBOX_ENDED;
	/* Room that was made since a refusal is room. */
	*view = (struct outbox_view){
		.confirms = o->confirms && !ended,
		.keeps = b != NULL && !ended &&
			 (o->refused_size == 0 || bytes + 1 < o->refused_size),
		.waiting =
		    o->kept + count_lines(&o->waiting) + count_lines(&o->sent),
	};
	(void)pthread_mutex_unlock(&o->lock);
}

void
outbox_close(struct outbox *o)
{
	if (o == NULL)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->closing = true;
	(void)pthread_cond_broadcast(&o->work);
	(void)pthread_cond_broadcast(&o->trouble);
	(void)pthread_mutex_unlock(&o->lock);
	(void)pthread_join(o->publisher, NULL);
	(void)pthread_join(o->spool_writer, NULL);
	release(o);
}
