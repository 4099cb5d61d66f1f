/*
 * request_intake: see request_intake.h. Only the keeper changes the store, and
 * only the publisher uses the endpoints. The lock is not held during I/O.
 */
#include "poller/intake/request_intake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/os/lines.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

enum {
	/* Maximum number of bytes that are published, or stored, in one
	 * batch. */
	PUBLISH_BYTES = 256 * 1024,
	STORE_BYTES = 4 * 1024 * 1024,

	/* How long published lines stay stored while no request arrives. */
	DROP_MS = 1000,
	/* The pauses between two checks of an idle connection, between two
	 * attempts, and after a refusal that only a person can end. */
	PUMP_MS = 1000,
	RETRY_MS = 100,
	REFUSED_MS = 5000,
	/* How long closing waits for the broker. */
	CLOSE_MS = 2000,
	/* The time between two log lines about one fault. */
	LOG_MS = 10000,
	/* How long the broker may take to confirm before a line is logged, and
	 * the time between two such lines. */
	SLOW_MS = 5000,
	SLOW_LOG_MS = 60000,
};

/* Requests in the order of arrival. */
struct request_list {
	struct pending_request *first, **last;
};

struct intake {
	struct intake_options opt;
	bool has_broker;

	/* Used by the publisher only. */
	atomic_llong slow_due;
	struct endpoint *out, *dead;
	struct buf batch;

	/* Used by the keeper only. */
	struct buf keeping_why;
	atomic_llong refusal_due;

	pthread_mutex_t lock;            /* protects the members below */
	pthread_cond_t requests, stored; /* wake the keeper, the publisher */
	pthread_cond_t retry;            /* ends the publisher's pause */
	pthread_t keeper, publisher;
	struct request_list waiting;
	uint64_t last;      /* number of the last stored entry */
	uint64_t confirmed; /* number of the last published entry */
	bool closing, kept_all;
	bool gave_up; /* the broker accepted nothing while we were closing */
	int64_t closing_ms;
	uint64_t published; /* number of lines */
	bool confirms, takes;
	bool ended;
	enum exit_code code; /* the exit code, once ended is set */
};

static void
list_clear(struct request_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void
list_add(struct request_list *l, struct pending_request *p)
{
	p->next = NULL;
	*l->last = p;
	l->last = &p->next;
}

/* Moves requests of about `most` bytes to the end of `to`. Call it with the
 * lock held. */
static void
list_take(struct request_list *from, struct request_list *to, size_t most)
{
	struct pending_request *p;
	size_t bytes = 0;

	while ((p = from->first) != NULL && bytes < most) {
		from->first = p->next;
		if (from->first == NULL)
			list_clear(from);
		list_add(to, p);
		bytes += p->records->len;
	}
}

static void
list_answer(struct request_list *l, bool safe)
{
	struct pending_request *p, *next;

	for (p = l->first; p != NULL; p = next) {
		next = p->next;
		p->done(p, safe);
	}
	list_clear(l);
}

/* Waits for at most ms. Call it with the lock held. */
static void
wait_for(struct intake *in, pthread_cond_t *c, int64_t ms)
{
	struct timespec end = thread_deadline(ms);

	notify_alive();
	(void)pthread_cond_timedwait(c, &in->lock, &end);
}

/* From now on, no request can be stored safely. */
static void
end_intake(struct intake *in, enum exit_code code)
{
	(void)pthread_mutex_lock(&in->lock);
	if (!in->ended)
		in->code = code;
	in->ended = true;
	in->confirms = in->takes = false;
	(void)pthread_mutex_unlock(&in->lock);
}

static void
set_confirms(struct intake *in, bool confirms)
{
	(void)pthread_mutex_lock(&in->lock);
	in->confirms = confirms;
	(void)pthread_mutex_unlock(&in->lock);
}

/* ---- writing to the endpoints ---- */

static struct endpoint *
open_endpoint(
    struct intake *in, const char *name, enum exit_code *code, struct buf *why)
{
	struct endpoint_options opt = {
		.conf = in->opt.conf,
		.wait_forever = true,
		.append = true,
		.lazy = true,
	};

	return endpoint_open_write(name, &opt, why, code);
}

/* Returns our dead-letter queue, which is opened for the first dead letter. */
static struct endpoint *
dead_letter_endpoint(struct intake *in)
{
	enum exit_code code;
	struct buf why = BUF_INIT;
	char *name;

	if (in->dead != NULL)
		return in->dead;
	name = xasprintf("queue:%s.dead", endpoint_amqp_name(in->opt.to));
	in->dead = open_endpoint(in, name, &code, &why);
	if (in->dead == NULL)
		log_error("%s", buf_str(&why));
	free(name);
	buf_release(&why);
	return in->dead;
}

/* Drops unconfirmed lines: they are stored and will be read again. */
static void
reopen_endpoints(struct intake *in)
{
	enum exit_code code;
	struct buf why = BUF_INIT;

	endpoint_close(in->dead);
	in->dead = NULL;
	if (in->has_broker) {
		endpoint_close(in->out);
		in->out = open_endpoint(in, in->opt.to, &code, &why);
		if (in->out == NULL)
			prog_die(PROG_SOFTWARE, "%s", buf_str(&why));
	}
	buf_release(&why);
}

/* Returns the endpoint that did not accept or confirm a line. */
static const struct endpoint *
failed_endpoint(const struct intake *in)
{
	if (in->dead != NULL && endpoint_code(in->dead) != PROG_OK)
		return in->dead;
	return in->out;
}

static bool
is_dead_letter(const char *line, size_t len)
{
	static const char start[] = "{\"type\":\"dead\",";

	return len >= sizeof start - 1 &&
	       memcmp(line, start, sizeof start - 1) == 0;
}

static enum outcome
write_batch(struct intake *in)
{
	const char *line = buf_str(&in->batch), *end = line + in->batch.len;
	const char *nl;
	struct endpoint *to;

	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		to = in->has_broker && is_dead_letter(line, (size_t)(nl - line))
			 ? dead_letter_endpoint(in)
			 : in->out;
		if (to == NULL ||
		    endpoint_write(to, line, (size_t)(nl - line)) != 0)
			return endpoint_code(failed_endpoint(in)) ==
				       PROG_TEMPFAIL
				   ? OUTCOME_LATER
				   : OUTCOME_NEVER;
	}
	return OUTCOME_DONE;
}

static enum outcome
flush_endpoints(struct intake *in)
{
	enum outcome done = endpoint_flush(in->out);

	if (done == OUTCOME_DONE && in->dead != NULL)
		done = endpoint_flush(in->dead);
	return done;
}

/* ---- the keeper ---- */

/* Stores the requests that fit, moves the others to *full, and removes
 * published lines and expired keys. Returns 0 if that is committed; or -1 and
 * keeping_why. */
static int
commit_requests(struct intake *in, struct request_list *batch,
    struct request_list *full, uint64_t confirmed)
{
	struct request_store *store = in->opt.store;
	struct request_list kept;
	struct pending_request *p, *next;
	int rc;

	list_clear(&kept);
	request_store_begin(store);
	request_store_drop(store, confirmed);
	request_store_expire(store, clock_now_ms() - IDEMPOTENCY_WINDOW_MS);
	for (p = batch->first; p != NULL; p = next) {
		next = p->next;
		list_add(request_store_add(store, p->records, p->note) ? &kept
								       : full,
		    p);
	}
	rc = request_store_commit(store, &in->keeping_why);
	list_clear(batch);
	if (kept.first != NULL) {
		*batch->last = kept.first;
		batch->last = kept.last;
	}
	return rc;
}

/* Called after a failed commit. A full disk may still have pages for a commit
 * without requests, which frees pages of published lines, or at least of some.
 * LMDB reuses them two commits later, so even an empty commit is useful. */
static void
drop_published(struct intake *in, uint64_t confirmed)
{
	struct request_store *store = in->opt.store;
	uint64_t first = request_store_first(store);
	uint64_t n = confirmed >= first ? confirmed - first + 1 : 0;

	for (;; n /= 8) {
		request_store_begin(store);
		request_store_drop(store, first - 1 + n);
		if (request_store_commit(store, &in->keeping_why) == 0 ||
		    n == 0 || request_store_is_lost(store))
			return;
	}
}

/* Makes the requests safe and answers all of them. */
static void
keep_requests(struct intake *in, struct request_list *batch, uint64_t confirmed)
{
	struct request_list full;
	bool stored, refused, any;

	list_clear(&full);
	stored = commit_requests(in, batch, &full, confirmed) == 0;
	if (!stored)
		drop_published(in, confirmed);
	refused = !stored || full.first != NULL;
	if (stored && refused)
		buf_setf(&in->keeping_why,
		    "'%s' is full; raise [listen] spool, or repair the broker",
		    request_store_path(in->opt.store));
	if (refused && log_is_due(&in->refusal_due, LOG_MS))
		log_error("%s; requests get 503", buf_str(&in->keeping_why));
	any = stored && batch->first != NULL;
	if (any)
		FAULT_POINT("poller.request_stored");
	(void)pthread_mutex_lock(&in->lock);
	in->takes = !refused;
	in->last = request_store_end(in->opt.store) - 1;
	(void)pthread_cond_signal(&in->stored);
	(void)pthread_mutex_unlock(&in->lock);
	list_answer(batch, stored);
	list_answer(&full, false);
	if (any)
		FAULT_POINT("poller.request_answered");
	if (request_store_is_lost(in->opt.store))
		end_intake(in, PROG_IO);
}

static void *
run_keeper(void *ctx)
{
	struct intake *in = ctx;
	struct request_list batch;
	uint64_t confirmed, dropped = 0;

	list_clear(&batch);
	(void)pthread_mutex_lock(&in->lock);
	while (!in->closing || in->waiting.first != NULL) {
		if (in->waiting.first == NULL && !in->closing)
			wait_for(in, &in->requests, DROP_MS);
		list_take(&in->waiting, &batch, STORE_BYTES);
		confirmed = in->confirmed;
		if (batch.first == NULL && confirmed == dropped)
			continue;
		(void)pthread_mutex_unlock(&in->lock);
		keep_requests(in, &batch, confirmed);
		dropped = request_store_first(in->opt.store) - 1;
		(void)pthread_mutex_lock(&in->lock);
	}
	in->kept_all = true;
	(void)pthread_cond_signal(&in->stored);
	(void)pthread_mutex_unlock(&in->lock);
	return NULL;
}

/* ---- the publisher ---- */

/* True if closing no longer waits for the broker. Call it with the lock
 * held. */
static bool
is_over(const struct intake *in)
{
	return in->ended ||
	       (in->closing &&
		   (in->gave_up ||
		       clock_mono_ms() - in->closing_ms >= CLOSE_MS));
}

static bool
is_closing(struct intake *in)
{
	bool closing;

	(void)pthread_mutex_lock(&in->lock);
	closing = in->closing;
	(void)pthread_mutex_unlock(&in->lock);
	return closing;
}

static void
warn_waiting(struct intake *in)
{
	struct intake_view view;

	if (!log_is_due(&in->slow_due, SLOW_LOG_MS))
		return;
	intake_look(in, &view);
	log_warn("'%s' confirms no lines, and %llu requests wait in the spool "
		 "'%s'; is there a memory or disk alarm? see 'rabbitmqctl "
		 "status'",
	    in->opt.to, (unsigned long long)view.waiting,
	    request_store_path(in->opt.store));
}

/* Publishes the batch, regardless of how long the broker takes. After a signal
 * to end, the broker has a short time to finish. */
static enum outcome
publish_batch(struct intake *in)
{
	int64_t slow = clock_mono_ms() + SLOW_MS;
	enum outcome done = write_batch(in);

	if (done != OUTCOME_DONE)
		return done;
	while (
	    (done = flush_endpoints(in)) == OUTCOME_LATER && !is_closing(in)) {
		set_confirms(in, false);
		if (clock_mono_ms() >= slow)
			warn_waiting(in);
	}
	return done;
}

/* Called when the broker, or the file, did not accept the batch. */
static void
after_failure(struct intake *in, enum outcome done)
{
	const struct endpoint *failed = failed_endpoint(in);
	enum exit_code code = endpoint_code(failed);

	set_confirms(in, false);
	if (done == OUTCOME_NEVER && code != PROG_OK)
		log_error("%s", endpoint_why(failed));
	if (done == OUTCOME_NEVER && !in->has_broker) {
		end_intake(in, code);
		return;
	}
	reopen_endpoints(in);
	(void)pthread_mutex_lock(&in->lock);
	in->gave_up = in->closing;
	if (!in->closing)
		wait_for(in, &in->retry,
		    done == OUTCOME_NEVER ? REFUSED_MS : RETRY_MS);
	(void)pthread_mutex_unlock(&in->lock);
}

static void
count_published(struct intake *in, uint64_t number, uint64_t lines)
{
	(void)pthread_mutex_lock(&in->lock);
	in->published += lines;
	if (!in->confirms)
		log_info("confirms_again", "endpoint=%s", in->opt.to);
	in->confirms = true;
	in->confirmed = number;
	(void)pthread_mutex_unlock(&in->lock);
}

/* Publishes the next stored lines. */
static void
publish_next(struct intake *in)
{
	uint64_t number = in->confirmed; /* only this thread changes it */
	struct buf why = BUF_INIT;
	enum outcome done;

	buf_clear(&in->batch);
	if (request_store_next(
		in->opt.store, &number, PUBLISH_BYTES, &in->batch, &why) < 0) {
		log_error("%s", buf_str(&why));
		end_intake(in, PROG_IO);
		buf_release(&why);
		return;
	}
	done = publish_batch(in);
	if (done != OUTCOME_DONE) {
		after_failure(in, done);
		return;
	}
	FAULT_POINT("poller.stored_published");
	count_published(in, number, lines_count(in->batch.data, in->batch.len));
}

static void *
run_publisher(void *ctx)
{
	struct intake *in = ctx;

	(void)pthread_mutex_lock(&in->lock);
	while (!is_over(in) && (in->confirmed < in->last || !in->kept_all)) {
		if (in->confirmed == in->last)
			wait_for(in, &in->stored, PUMP_MS);
		if (in->confirmed < in->last) {
			(void)pthread_mutex_unlock(&in->lock);
			publish_next(in);
		} else {
			(void)pthread_mutex_unlock(&in->lock);
			endpoint_pump(in->out);
			set_confirms(
			    in, endpoint_is_up(in->out) ||
				    endpoint_connect(in->out) == OUTCOME_DONE);
		}
		(void)pthread_mutex_lock(&in->lock);
	}
	(void)pthread_mutex_unlock(&in->lock);
	return NULL;
}

/* ---- opening, putting, closing ---- */

static void
init_locks(struct intake *in)
{
	pthread_condattr_t monotonic;

	(void)pthread_mutex_init(&in->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&in->requests, &monotonic);
	(void)pthread_cond_init(&in->stored, &monotonic);
	(void)pthread_cond_init(&in->retry, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

static void
release_intake(struct intake *in)
{
	endpoint_close(in->out);
	endpoint_close(in->dead);
	(void)pthread_mutex_destroy(&in->lock);
	(void)pthread_cond_destroy(&in->requests);
	(void)pthread_cond_destroy(&in->stored);
	(void)pthread_cond_destroy(&in->retry);
	buf_release(&in->batch);
	buf_release(&in->keeping_why);
	free(in);
}

/* Returns 0; or -1, the exit code and *why if only a person can help. */
static int
connect_once(struct intake *in, enum exit_code *code, struct buf *why)
{
	enum outcome there;

	in->out = open_endpoint(in, in->opt.to, code, why);
	if (in->out == NULL)
		return -1;
	there = endpoint_connect(in->out);
	in->confirms = there == OUTCOME_DONE;
	if (there != OUTCOME_NEVER)
		return 0;
	*code = endpoint_code(in->out);
	buf_setf(why, "%s", endpoint_why(in->out));
	return -1;
}

struct intake *
intake_open(
    const struct intake_options *opt, enum exit_code *code, struct buf *why)
{
	struct intake *in = xcalloc(1, sizeof *in);

	in->opt = *opt;
	in->has_broker = endpoint_amqp_name(opt->to) != NULL;
	in->takes = true;
	list_clear(&in->waiting);
	init_locks(in);
	if (connect_once(in, code, why) != 0) {
		release_intake(in);
		return NULL;
	}
	in->confirmed = request_store_first(opt->store) - 1;
	in->last = request_store_end(opt->store) - 1;
	thread_must_start(&in->keeper, "keep", run_keeper, in);
	thread_must_start(&in->publisher, "publish", run_publisher, in);
	return in;
}

void
intake_put(struct intake *in, struct pending_request *p)
{
	(void)pthread_mutex_lock(&in->lock);
	list_add(&in->waiting, p);
	(void)pthread_cond_signal(&in->requests);
	(void)pthread_mutex_unlock(&in->lock);
}

bool
intake_has_ended(struct intake *in, enum exit_code *code)
{
	bool ended;

	(void)pthread_mutex_lock(&in->lock);
	ended = in->ended;
	*code = in->code;
	(void)pthread_mutex_unlock(&in->lock);
	return ended;
}

void
intake_look(struct intake *in, struct intake_view *view)
{
	const struct pending_request *p;

	(void)pthread_mutex_lock(&in->lock);
	*view = (struct intake_view){
		.confirms = in->confirms,
		.takes = in->takes,
		/* The publisher may be ahead of what the keeper has noted. */
		.waiting =
		    in->last > in->confirmed ? in->last - in->confirmed : 0,
	};
	for (p = in->waiting.first; p != NULL; p = p->next)
		view->waiting++;
	(void)pthread_mutex_unlock(&in->lock);
}

uint64_t
intake_close(struct intake *in)
{
	struct request_list none;
	uint64_t published;

	(void)pthread_mutex_lock(&in->lock);
	in->closing = true;
	in->closing_ms = clock_mono_ms();
	(void)pthread_cond_signal(&in->requests);
	(void)pthread_cond_signal(&in->stored);
	(void)pthread_cond_signal(&in->retry);
	(void)pthread_mutex_unlock(&in->lock);
	(void)pthread_join(in->keeper, NULL);
	(void)pthread_join(in->publisher, NULL);
	list_clear(&none);
	keep_requests(in, &none, in->confirmed);
	published = in->published;
	release_intake(in);
	return published;
}
