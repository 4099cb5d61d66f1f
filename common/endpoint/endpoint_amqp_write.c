/*
 * endpoint_amqp_write: the writing end of a queue, or of an exchange that
 * spreads records over queues: it gathers lines to messages. amqp_unconfirmed.c
 * sends them and handles their confirms.
 *
 * Lines gather in a buffer until it holds body_bytes, LINGER_MS have passed, a
 * flush, or a send while nothing else is unconfirmed. Then they are one
 * message: packed where that is wanted, persistent, mandatory, with an id that
 * it keeps however often it is sent. It stays in the window, which is bounded,
 * until the broker has confirmed it and not returned.
 *
 * A queue has one buffer. An exchange has one for each bucket (bucket.h), whose
 * number is the routing key of its messages, so that what holds a chat is in
 * one buffer, one queue, and in order; and one for what concerns all, which
 * goes to the exchange NAME.all, the newest times among it (publisher_clock.h).
 *
 * Guarantee: flush() is DONE only when the window and all buffers are empty.
 */
#include "common/endpoint/amqp_unconfirmed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/amqp/amqp_compress.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/digest/random.h"
#include "common/os/notify.h"
#include "common/records/bucket.h"
#include "common/records/publisher_clock.h"

#define LINGER_MS 5
/* How often `clock` records are sent between flushes. */
#define CLOCKS_MS 100
/* How long a full queue is left alone. */
#define PAUSE_BASE_MS 50
#define PAUSE_CAP_MS 2000

static struct amqp_writer *
amqp_writer_of(struct endpoint *e)
{
	return (struct amqp_writer *)(void *)e;
}

static enum outcome
writer_set_up(struct amqp_endpoint *a)
{
	struct amqp_writer *w = amqp_writer_of(&a->base);

	amqp_confirm_select(a->link.conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(&a->link, "ask for confirms",
		amqp_get_rpc_reply(a->link.conn)) != 0)
		return a->link.outcome;
	w->next_tag = 1;
	return OUTCOME_DONE;
}

/* Sends, and reads answers; waits for them only while the window holds more
 * than n messages. NEVER: trying again is of no use. */
static enum outcome
send_and_receive(struct amqp_writer *w, size_t n, int wait_ms)
{
	enum outcome o = endpoint_amqp_connect(&w->a, wait_ms);

	if (o != OUTCOME_DONE)
		return o;
	if (amqp_unconfirmed_send(w) != 0 ||
	    (w->n > n && amqp_unconfirmed_receive(w, wait_ms) != 0))
		return w->a.link.outcome;
	return OUTCOME_DONE;
}

/* There is no progress: puts the reason into why. */
static void
explain_stall(struct amqp_writer *w)
{
	struct buf *why = &w->a.base.why;

	w->a.base.code = PROG_TEMPFAIL;
	if (w->a.link.conn == NULL)
		return; /* endpoint_amqp_lost() gave the reason */
	if (w->a.link.blocked)
		buf_setf(why, "%s", buf_str(&w->a.link.why));
	else if (w->full)
		buf_setf(why,
		    "%s '%s' at %s is full; let its reader catch up, or "
		    "raise its limit",
		    w->a.spread ? "a queue behind exchange" : "queue",
		    w->a.queue, w->a.link.title);
	else
		buf_setf(why,
		    "RabbitMQ at %s does not confirm what is written to '%s'",
		    w->a.link.title, w->a.queue);
}

/* Steps until the window holds at most n messages. */
static enum outcome
confirm_down_to(struct amqp_writer *w, size_t n, bool flushing)
{
	int64_t since = clock_mono_ms(), max;
	enum outcome o = OUTCOME_DONE;

	for (;;) {
		notify_alive();
		if (w->n <= n)
			return OUTCOME_DONE;
		o = send_and_receive(w, n, AMQP_SLICE_MS);
		if (o == OUTCOME_NEVER)
			return o;
		if (w->progress_ms > since)
			since = w->progress_ms;
		max = endpoint_timeout_ms(&w->a.timeout,
		    w->a.link.conn != NULL && !w->a.link.blocked, flushing);
		if (w->n > n && max >= 0 && clock_mono_ms() - since >= max) {
			explain_stall(w);
			return OUTCOME_LATER;
		}
	}
}

/* Makes a message of a buffer; there must be a place in the window. */
static void
seal_message(struct amqp_writer *w, struct amqp_buffer *buffer)
{
	struct amqp_outgoing *m = amqp_unconfirmed_at(w, w->n);
	struct buf empty = m->body;

	m->packed = w->packs && buffer->filling.len >= AMQP_COMPRESS_LEAST;
	if (m->packed) {
		amqp_compress(
		    &m->body, buffer->filling.data, buffer->filling.len);
		amqp_unconfirmed_shorten(&buffer->filling);
	} else {
		m->body = buffer->filling;
		buffer->filling = empty;
	}
	m->seq = w->next_seq++;
	m->before = w->sealed;
	m->lines = w->sealed = w->lines;
	m->sent_us = 0;
	m->state = AMQP_OUTGOING_TO_SEND;
	m->bucket = (size_t)(buffer - w->buffers);
	w->n++;
}

static bool
is_buffer_due(
    const struct amqp_writer *w, const struct amqp_buffer *buffer, int64_t now)
{
	return buffer->filling.len >= w->body_bytes ||
	       (buffer->filling.len > 0 && now - buffer->since_ms >= LINGER_MS);
}

/* Sends what is due, without waiting. */
static void
send_due(struct amqp_writer *w)
{
	size_t i;

	w->swept_ms = clock_mono_ms();
	publisher_clock_add_records(
	    &w->clock, &w->buffers[w->buffers_n - 1].filling, CLOCKS_MS);
	for (i = 0; i < w->buffers_n && w->n < AMQP_WINDOW; i++)
		if (is_buffer_due(w, &w->buffers[i], w->swept_ms))
			seal_message(w, &w->buffers[i]);
	if (w->a.link.conn != NULL)
		(void)amqp_unconfirmed_send(w);
}

static int
amqp_write(struct endpoint *e, const char *line, size_t len)
{
	struct amqp_writer *w = amqp_writer_of(e);
	struct amqp_buffer *buffer =
	    &w->buffers[w->a.spread
			    ? publisher_clock_bucket(&w->clock, line, len)
			    : 0];
	struct buf *filling = &buffer->filling;
	int64_t now;

	/* The line is taken only when there is room for it. */
	if (filling->len > 0 && filling->len + len >= w->body_bytes) {
		if (confirm_down_to(w, AMQP_WINDOW - 1, false) != OUTCOME_DONE)
			return -1;
		seal_message(w, buffer);
	}
	now = clock_mono_ms();
	if (filling->len == 0)
		buffer->since_ms = now;
	buf_add(filling, line, len);
	buf_addc(filling, '\n');
	w->lines++;
	/* The other buffers have lines that grow old, too. */
	if (is_buffer_due(w, buffer, now) || now - w->swept_ms >= LINGER_MS)
		send_due(w);
	return 0;
}

static enum outcome
amqp_flush(struct endpoint *e)
{
	struct amqp_writer *w = amqp_writer_of(e);
	enum outcome o;
	size_t i;

	publisher_clock_add_records(
	    &w->clock, &w->buffers[w->buffers_n - 1].filling, 0);
	for (i = 0; i < w->buffers_n; i++) {
		if (w->buffers[i].filling.len == 0)
			continue;
		o = confirm_down_to(w, AMQP_WINDOW - 1, true);
		if (o != OUTCOME_DONE)
			return o;
		seal_message(w, &w->buffers[i]);
	}
	/* Commit point: the broker has confirmed everything. */
	return confirm_down_to(w, 0, true);
}

static bool
amqp_flush_begin(struct endpoint *e, uint64_t *mark)
{
	struct amqp_writer *w = amqp_writer_of(e);
	size_t i;

	if (w->a.link.conn == NULL)
		return false;
	publisher_clock_add_records(
	    &w->clock, &w->buffers[w->buffers_n - 1].filling, 0);
	for (i = 0; i < w->buffers_n; i++) {
		if (w->buffers[i].filling.len == 0)
			continue;
		if (w->n == AMQP_WINDOW)
			return false;
		seal_message(w, &w->buffers[i]);
	}
	*mark = w->next_seq;
	return amqp_unconfirmed_send(w) == 0;
}

static bool
amqp_flush_done(struct endpoint *e, uint64_t mark)
{
	struct amqp_writer *w = amqp_writer_of(e);

	if (w->n > 0 && w->a.link.conn != NULL)
		(void)amqp_unconfirmed_send(w);
	return w->n == 0 || amqp_unconfirmed_at(w, 0)->seq >= mark;
}

static bool
amqp_send(struct endpoint *e)
{
	struct amqp_writer *w = amqp_writer_of(e);

	/* An exchange has a buffer for each bucket. */
	if (w->a.spread || w->a.link.conn == NULL ||
	    w->buffers[0].filling.len == 0)
		return false;
	if (w->n > 0 && amqp_unconfirmed_receive(w, 0) != 0)
		return false;
	if (w->n == 0)
		seal_message(w, &w->buffers[0]);
	send_due(w);
	return w->buffers[0].filling.len > 0;
}

static void
writer_pump(struct endpoint *e)
{
	send_due(amqp_writer_of(e));
}

static void
writer_close(struct endpoint *e)
{
	struct amqp_writer *w = amqp_writer_of(e);
	size_t i;

	endpoint_amqp_release(&w->a);
	for (i = 0; i < AMQP_WINDOW; i++)
		buf_release(&w->window[i].body);
	for (i = 0; i < w->buffers_n; i++)
		buf_release(&w->buffers[i].filling);
	free(w->buffers);
	free(w->all);
	publisher_clock_release(&w->clock);
	free(w);
}

static const struct endpoint_ops ops = {
	.write = amqp_write,
	.flush = amqp_flush,
	.flush_begin = amqp_flush_begin,
	.flush_done = amqp_flush_done,
	.send = amqp_send,
	.connect = endpoint_amqp_op_connect,
	.pump = writer_pump,
	.is_up = endpoint_amqp_op_is_up,
	.close = writer_close,
};

struct endpoint *
endpoint_amqp_open_write(const char *queue, bool spread,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	struct amqp_writer *w = xcalloc(1, sizeof *w);
	struct endpoint *e = &w->a.base;

	w->a.spread = spread;
	if (endpoint_amqp_init(&w->a, queue, true, opt, why, code) != 0) {
		free(w);
		return NULL;
	}
	(void)snprintf(w->run, sizeof w->run, "%08" PRIx32 "%08" PRIx32,
	    random_32(), random_32());
	w->body_bytes = opt->body > 0 ? opt->body : AMQP_BODY_BYTES;
	w->clock.ahead_ms = conf_int(opt->conf, "aggregator", "ahead");
	w->packs = !opt->plain && conf_bool(opt->conf, "amqp", "compress");
	w->a.set_up = writer_set_up;
	w->buffers_n = spread ? BUCKETS + 1 : 1;
	w->buffers = xcalloc(w->buffers_n, sizeof *w->buffers);
	w->all = xasprintf("%s.all", queue);
	w->pause = (struct retry)RETRY_INIT(PAUSE_BASE_MS, PAUSE_CAP_MS, -1);
	e->ops = &ops;
	if (opt->lazy)
		return e;
	if (endpoint_amqp_first(&w->a) == OUTCOME_DONE) {
		endpoint_amqp_reached(&w->a);
		return e;
	}
	buf_setf(why, "%s", buf_str(&e->why));
	*code = e->code;
	endpoint_close(e);
	return NULL;
}
