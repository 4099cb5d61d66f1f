/*
 * outbox: see outbox.h; here is the keeper, and what is called from outside.
 */
#include "poller/outbox_impl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/lines.h"
#include "common/log.h"
#include "common/xalloc.h"

/* Between two looks at the clock. */
#define KEEPER_MS 100
/* Of the backlog, at a time. */
#define COUNT_BYTES ((size_t)256 * 1024)
/* Between two lines of the log that say the same. */
#define TELL_MS 10000

void
outbox_line_clear(struct outbox_line *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void
outbox_line_add(struct outbox_line *l, struct parcel *p)
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
	struct parcel *p, *next;

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
	else if (o->opt.backlog != NULL)
		log_warn("'%s' does not confirm; what comes is kept in '%s'",
		    o->opt.to, backlog_dir(o->opt.backlog));
	else
		log_warn("'%s' does not confirm; requests get 503", o->opt.to);
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
	struct backlog *b = o->opt.backlog;
	uint64_t size = b != NULL && refused ? backlog_bytes(b) + 1 : 0;

	(void)pthread_mutex_lock(&o->lock);
	o->kept += lines;
	o->refused_size = size;
	(void)pthread_mutex_unlock(&o->lock);
}

/* Both kinds of lines, or none that counts. */
static int
add(struct outbox *o, const struct parcel *p, struct buf *why)
{
	struct backlog *b = o->opt.backlog;
	int rc = 0;

	if (p->records->len > 0)
		rc = backlog_add(b, p->records->data, p->records->len, why);
	if (rc == 0 && p->dead->len > 0)
		rc = backlog_add(b, p->dead->data, p->dead->len, why);
	return rc;
}

/* Into the backlog, one sync for all, and answers. The line is empty then. */
static void
keep_all(struct outbox *o, struct outbox_line *all)
{
	struct outbox_line kept, lost;
	struct parcel *p, *next;
	struct buf why = BUF_INIT;
	unsigned long long n = 0;
	uint64_t lines = 0;

	outbox_line_clear(&kept);
	outbox_line_clear(&lost);
	for (p = all->first; p != NULL; p = next) {
		next = p->next;
		if (o->opt.backlog != NULL && add(o, p, &why) == 0) {
			outbox_line_add(&kept, p);
			lines += p->n;
			n++;
		} else {
			outbox_line_add(&lost, p);
		}
	}
	outbox_line_clear(all);
	if (kept.first != NULL && backlog_sync(o->opt.backlog, &why) != 0)
		outbox_line_move(&lost, &kept);
	tell(o, why.len > 0 ? buf_str(&why) : NULL);
	note_kept(o, kept.first != NULL ? lines : 0, lost.first != NULL);
	if (kept.first != NULL)
		tally_add(&o->opt.tally->spooled, n);
	outbox_answer(&kept, true);
	outbox_answer(&lost, false);
	buf_release(&why);
}

/* True when there is work for the keeper; the lock is held. */
static bool
is_due(struct outbox *o)
{
	int64_t now = clock_mono_ms(), most = o->opt.patience_ms;

	if (o->sent.first != NULL && now - o->sent_ms >= most) {
		o->indirect = true;
		o->confirms = false;
	}
	if (!o->indirect)
		return false;
	if (now - o->hold_ms >= most)
		o->hold = false;
	return o->sent.first != NULL || (!o->hold && o->waiting.first != NULL);
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
			if (o->published)
				break;
			outbox_wait(o, &o->trouble, KEEPER_MS);
			continue;
		}
		outbox_line_move(&all, &o->sent);
		if (!o->hold)
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
start(pthread_t *t, void *(*run)(void *), struct outbox *o)
{
	sigset_t every, before;
	int rc;

	/* Signals are the main thread's. */
	sigfillset(&every);
	(void)pthread_sigmask(SIG_SETMASK, &every, &before);
	rc = pthread_create(t, NULL, run, o);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		prog_die(
		    PROG_TEMPFAIL, "cannot start a thread: %s", log_errno(rc));
}

/* Of what an earlier run left. What cannot be read is told when it is to be
 * published. */
static uint64_t
count_backlog(struct backlog *b)
{
	struct buf why = BUF_INIT;
	const char *lines;
	uint64_t n = 0;
	size_t len;

	while (backlog_next(b, &lines, &len, COUNT_BYTES, &why) > 0)
		n += lines_count(lines, len);
	backlog_again(b);
	buf_release(&why);
	return n;
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
	backlog_close(o->opt.backlog);
	letters_close(o->opt.letters);
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
	if (opt->backlog != NULL)
		o->kept = count_backlog(opt->backlog);
	o->indirect = there != OUTCOME_DONE ||
		      (opt->backlog != NULL && !backlog_is_empty(opt->backlog));
	start(&o->publisher, outbox_publish, o);
	start(&o->keeper, keep, o);
	return o;
}

void
outbox_put(struct outbox *o, struct parcel *p)
{
	(void)pthread_mutex_lock(&o->lock);
	outbox_line_add(&o->waiting, p);
	(void)pthread_cond_signal(o->indirect ? &o->trouble : &o->work);
	(void)pthread_mutex_unlock(&o->lock);
}

bool
outbox_has_ended(struct outbox *o, enum exit_code *code)
{
	bool ended;

	(void)pthread_mutex_lock(&o->lock);
	ended = o->ended;
	*code = o->code;
	(void)pthread_mutex_unlock(&o->lock);
	return ended;
}

static uint64_t
count_lines(const struct outbox_line *l)
{
	const struct parcel *p;
	uint64_t n = 0;

	for (p = l->first; p != NULL; p = p->next)
		n += p->n;
	return n;
}

void
outbox_look(struct outbox *o, struct outbox_view *view)
{
	struct backlog *b = o->opt.backlog;
	uint64_t bytes = b != NULL ? backlog_bytes(b) : 0;

	(void)pthread_mutex_lock(&o->lock);
	/* Room that was made since a refusal is room. */
	*view = (struct outbox_view){
		.confirms = o->confirms && !o->ended,
		.keeps = b != NULL && !o->ended &&
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
	(void)pthread_join(o->keeper, NULL);
	release(o);
}
