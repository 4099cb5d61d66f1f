/*
 * outbox_publish: the outbox's publisher: publishes batches of requests, and
 * after an outage the spool; see outbox.h. Whether a confirm takes too long is
 * watched by outbox_spool.c, since this thread may be the one that waits.
 */
#include "poller/outbox/outbox_impl.h"

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/os/lines.h"

/* A batch of requests, and a piece of the spool, have about that much. */
#define BATCH_BYTES ((size_t)256 * 1024)
#define PUMP_MS 1000
/* Between two tries, and after a refusal that only an operator can end. */
#define TRY_MS 100
#define REFUSED_MS 5000

/* Drops what is not confirmed, which the spool writer has. */
static void
reopen_endpoints(struct outbox *o)
{
	enum exit_code code;
	struct buf why = BUF_INIT;

	endpoint_close(o->dead);
	o->dead = NULL;
	if (!outbox_has_no_broker(o)) {
		endpoint_close(o->out);
		o->out = outbox_endpoint(o, o->opt.to, &code, &why);
		if (o->out == NULL)
			prog_die(PROG_SOFTWARE, "%s", buf_str(&why));
	}
	buf_release(&why);
}

/* The outbox ends with the code, or tries again later. */
static void
end_or_wait(struct outbox *o, bool end, enum exit_code code)
{
	(void)pthread_mutex_lock(&o->lock);
	outbox_step(o, end ? OUTBOX_REFUSED : OUTBOX_OUTAGE);
	o->confirms = false;
	if (end)
		o->code = code;
	(void)pthread_cond_signal(&o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
	o->retry_ms = clock_mono_ms() + REFUSED_MS;
}

/* Only an operator can end it. With a spool the outbox waits until the broker
 * accepts again; without one, or a broker, it ends, but not for want of a queue
 * of dead letters. */
static void
on_broker_refusal(struct outbox *o)
{
	const struct endpoint *failed = outbox_failed_endpoint(o);
	enum exit_code code = endpoint_code(failed);

	if (code != PROG_OK)
		log_error("%s", endpoint_why(failed));
	end_or_wait(o,
	    outbox_has_no_broker(o) ||
		(o->opt.spool == NULL && endpoint_code(o->out) != PROG_OK),
	    code);
}

/* Moves requests that wait, about a batch, to those sent; the lock is held. */
static void
gather_batch(struct outbox *o)
{
	struct pending_request *p;

	buf_clear(&o->batch);
	while ((p = o->waiting.first) != NULL && o->batch.len < BATCH_BYTES) {
		o->waiting.first = p->next;
		if (o->waiting.first == NULL)
			outbox_queue_clear(&o->waiting);
		outbox_queue_add(&o->sent, p);
		buf_add(&o->batch, p->records->data, p->records->len);
		buf_add(&o->batch, p->dead->data, p->dead->len);
	}
	o->sent_ms = clock_mono_ms();
}

/* Publishes the batch, and answers its requests unless the spool writer has. */
static void
publish_batch(struct outbox *o)
{
	enum outcome done = outbox_write_batch(o, o->batch.data, o->batch.len);
	struct outbox_queue ours;

	if (done == OUTCOME_DONE)
		done = outbox_flush(o);
	outbox_queue_clear(&ours);
	(void)pthread_mutex_lock(&o->lock);
	o->confirms = done == OUTCOME_DONE;
	if (done == OUTCOME_DONE) {
		outbox_queue_move(&ours, &o->sent);
	} else {
		outbox_step(o, OUTBOX_OUTAGE);
		(void)pthread_cond_signal(&o->spooling);
	}
	(void)pthread_mutex_unlock(&o->lock);
	if (done == OUTCOME_DONE)
		FAULT_POINT("poller.request_published");
	outbox_queue_answer(&ours, true);
	if (done == OUTCOME_DONE)
		FAULT_POINT("poller.request_answered");
	if (done == OUTCOME_NEVER)
		on_broker_refusal(o);
	if (done != OUTCOME_DONE)
		reopen_endpoints(o);
}

/* Publishes a piece of the spool, however long the broker takes. */
static enum outcome
publish_spooled(struct outbox *o, const char *lines, size_t len)
{
	enum outcome done = outbox_write_batch(o, lines, len);
	bool closing;

	if (done != OUTCOME_DONE)
		return done;
	do {
		done = outbox_flush(o);
		(void)pthread_mutex_lock(&o->lock);
		closing = o->closing;
		(void)pthread_mutex_unlock(&o->lock);
	} while (done == OUTCOME_LATER && !closing);
	return done;
}

/* Stops the spool writer, so that the spool can become empty. */
static void
hold_spool_writer(struct outbox *o)
{
	(void)pthread_mutex_lock(&o->lock);
	outbox_step(o, OUTBOX_DRAINED);
	o->rejoining_ms = clock_mono_ms();
	(void)pthread_cond_signal(&o->spooling);
	while (o->writes_spool || o->sent.first != NULL)
		(void)pthread_cond_wait(&o->publishing, &o->lock);
	(void)pthread_mutex_unlock(&o->lock);
}

/* True when all of the spool is published; else the spool writer goes on. */
static bool
release_spool_writer(struct outbox *o, bool empty)
{
	bool back;

	(void)pthread_mutex_lock(&o->lock);
	/* It may have gone on after wait_timeout. */
	back = empty && o->state == OUTBOX_REJOINING && !o->writes_spool &&
	       o->sent.first == NULL;
	if (back && o->opt.spool != NULL) {
		spool_clear(o->opt.spool);
		FAULT_POINT("poller.store_emptied");
	}
	if (back) {
		o->confirms = true;
		o->kept = o->refused_size = 0;
	}
	if (o->state == OUTBOX_REJOINING)
		outbox_step(o, back ? OUTBOX_REJOINED : OUTBOX_TIMED_OUT);
	(void)pthread_cond_signal(&o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
	return back;
}

static void
count_published(struct outbox *o, uint64_t lines)
{
	(void)atomic_fetch_add_explicit(
	    &o->opt.counts->drained, lines, memory_order_relaxed);
	(void)pthread_mutex_lock(&o->lock);
	o->confirms = true;
	o->kept -= lines < o->kept ? lines : o->kept;
	(void)pthread_mutex_unlock(&o->lock);
}

/* Publishes the spool to its end. NEVER: the broker refuses it, or, with
 * *unread set and the reason logged, it cannot be read. */
static enum outcome
publish_spool_files(struct outbox *o, bool *held, bool *unread)
{
	struct buf why = BUF_INIT;
	enum outcome done = OUTCOME_DONE;
	const char *lines;
	size_t len;
	int got;

	while (done == OUTCOME_DONE) {
		got = spool_next(o->opt.spool, &lines, &len, BATCH_BYTES, &why);
		if (got < 0) {
			log_error("%s", buf_str(&why));
			*unread = true;
			done = OUTCOME_NEVER;
		} else if (got == 0 && *held) {
			break;
		} else if (got == 0) {
			hold_spool_writer(o);
			*held = true;
		} else {
			done = publish_spooled(o, lines, len);
		}
		if (got <= 0 || done != OUTCOME_DONE)
			continue;
		FAULT_POINT("poller.stored_published");
		spool_confirm(o->opt.spool);
		count_published(o, lines_count(lines, len));
	}
	buf_release(&why);
	return done;
}

/* One try to end the outage. */
static void
try_to_rejoin(struct outbox *o)
{
	enum outcome done = endpoint_connect(o->out);
	bool there = done == OUTCOME_DONE, held = false, unread = false;

	o->retry_ms = clock_mono_ms() + TRY_MS;
	if (there && o->opt.spool == NULL)
		hold_spool_writer(o);
	else if (there)
		done = publish_spool_files(o, &held, &unread);
	if (release_spool_writer(o, done == OUTCOME_DONE))
		log_info("confirms_again", "endpoint=%s", o->opt.to);
	if (done != OUTCOME_DONE)
		outbox_confirms(o, false);
	if (unread)
		end_or_wait(o, outbox_has_no_broker(o), PROG_IO);
	else if (done == OUTCOME_NEVER)
		on_broker_refusal(o);
	if (there && done == OUTCOME_LATER && outbox_has_no_broker(o))
		o->retry_ms = clock_mono_ms() + REFUSED_MS; /* no dead letter */
	if (there && done != OUTCOME_DONE) {
		spool_rewind(o->opt.spool);
		reopen_endpoints(o);
	}
}

/* While no request waits: notices that the broker went away. */
static void
pump_endpoint(struct outbox *o)
{
	endpoint_pump(o->out);
	if (endpoint_is_up(o->out))
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->confirms = false;
	outbox_step(o, OUTBOX_OUTAGE);
	(void)pthread_cond_signal(&o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
}

/* No lock is held. */
static void
expire_dead_letters(struct outbox *o)
{
	if (o->opt.dead_letter_files != NULL)
		dead_letter_files_expire(
		    o->opt.dead_letter_files, clock_now_ms());
}

/* One round; the lock is held before and after. It is not given up between the
 * caller's look at `closing` and the wait: a call to end would go unheard. */
static void
publish_once(struct outbox *o)
{
	int64_t wait = o->retry_ms - clock_mono_ms();
	bool batch;

	if (o->state == OUTBOX_ENDED)
		wait = PUMP_MS;
	if (o->state != OUTBOX_DIRECT && wait > 0) {
		outbox_wait(o, &o->publishing, wait);
		return;
	}
	if (o->state != OUTBOX_DIRECT) {
		(void)pthread_mutex_unlock(&o->lock);
		expire_dead_letters(o);
		try_to_rejoin(o);
		(void)pthread_mutex_lock(&o->lock);
		return;
	}
	if (o->waiting.first == NULL)
		outbox_wait(o, &o->publishing, PUMP_MS);
	batch = o->waiting.first != NULL;
	if (batch)
		gather_batch(o);
	(void)pthread_mutex_unlock(&o->lock);
	expire_dead_letters(o);
	if (batch)
		publish_batch(o);
	else
		pump_endpoint(o);
	(void)pthread_mutex_lock(&o->lock);
}

void *
outbox_publish(void *ctx)
{
	struct outbox *o = ctx;

	(void)pthread_mutex_lock(&o->lock);
	while (!o->closing ||
	       (o->state == OUTBOX_DIRECT && o->waiting.first != NULL))
		publish_once(o);
	outbox_step(o, OUTBOX_CLOSE);
	(void)pthread_cond_signal(&o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}
