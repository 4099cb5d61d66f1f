/*
 * endpoint_amqp_write: the writing end of a queue: it collects lines into
 * messages, sends them and handles their confirms.
 *
 * Lines are collected in a buffer until it has body_bytes, LINGER_MS have
 * passed, or there is a flush, or a send while everything before is confirmed.
 * They become one message, which is persistent and mandatory, and has the same
 * id each time it is sent. A message stays in the window, which is bounded,
 * until the broker has confirmed it without returning it.
 *
 * With `answers`, the channel also consumes the broker's pseudo queue
 * amq.rabbitmq.reply-to, and every message says so: the broker replaces this
 * name by an address of the channel, and routes what is published to that
 * address to the channel, without a queue. A message that is sent again gets
 * the address of the new channel.
 *
 * Guarantee: flush() is DONE only when the window and the buffer are empty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"
#include "common/endpoint/endpoint_amqp.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

/* Maximum messages in a window. */
#define AMQP_WINDOW 128
/* One frame, which has at most 128 KiB. */
#define AMQP_BODY_BYTES ((size_t)124 * 1024)
/* How long lines are collected at most. */
#define LINGER_MS 5
/* Even a flush that waits forever returns LATER after this long without
 * progress. */
#define FLUSH_MS 3000
/* How long a connection may confirm none of its messages. RabbitMQ 3.10 refuses
 * all messages of a channel that published while the queue had no leader, as
 * after the death of a node, and confirms none on a node that is cut off from
 * the others. */
#define UNCONFIRMED_MS 10000
/* After a signal: how long to wait for pending answers, and how long before the
 * program is killed this wait must have ended. */
#define STOP_MS 3000
#define STOP_SPARE_MS 2500
/* How long nothing is sent to a full queue. */
#define PAUSE_BASE_MS 50
#define PAUSE_CAP_MS 2000
/* The broker's name for "this channel", in messages and for its consumer. */
#define REPLY_TO "amq.rabbitmq.reply-to"

/* The messages that the broker has not confirmed, in the order of writing:
 *
 *              publish            ack
 *   TO_SEND ------------> SENT ---------> DONE, and out of the window
 *    ^  ^                 |  |
 *    |  +-- nack, lost ---+  | return
 *    |                       v
 *    +-- ack, lost ---- RETURNED
 *
 *   ack              it is on the disk: it leaves the window
 *   return, then ack the queue is gone: the link is made again, which creates
 *                    the queue again, and the message is sent again
 *   nack             the queue is full: it is sent again after a pause
 *   nothing          the link is lost, or dropped after UNCONFIRMED_MS: it is
 *                    sent again on the next one */
enum amqp_outgoing_state {
	OUTGOING_TO_SEND,
	OUTGOING_SENT,
	OUTGOING_RETURNED, /* waits for its ack */
	OUTGOING_DONE,
};

struct amqp_outgoing {
	uint64_t seq;
	uint64_t tag; /* of this connection, while SENT or RETURNED */
	enum amqp_outgoing_state state;
	struct buf body;
};

struct amqp_writer {
	struct amqp_endpoint a;
	char run[17]; /* random; makes message ids unique among all writers */
	uint64_t next_seq, next_tag;

	struct amqp_outgoing
	    window[AMQP_WINDOW]; /* a ring, in the order of writing */
	size_t head, n;
	int64_t progress_ms;     /* when the broker last confirmed something */
	int64_t silent_since_ms; /* since when this connection confirms none of
				  * the window */
	struct retry pause;      /* after a refusal because the queue is full */
	int64_t pause_until_ms;
	bool full;
	bool told_alarm; /* that the broker accepts no messages */

	size_t body_bytes;
	struct buf filling; /* lines that are in no message yet */
	int64_t since_ms;   /* when its first line was written */
	bool keeps;         /* the next lines stay in its message */
	bool together;      /* so does the last one with the next */
	bool breaks;        /* the next line begins a new message */

	enum amqp_phase phase; /* next frame of a message that is being
				* returned, or of an answer */
	bool answering;        /* it is an answer */
	uint64_t incoming_left;

	struct {
		bool on;
		struct buf arriving;
		struct buf *list; /* complete ones, in order of arrival */
		size_t n, cap;
		struct buf last; /* returned to the caller */
	} answers;
};

static struct amqp_outgoing *
outgoing_at(struct amqp_writer *w, size_t i)
{
	return &w->window[(w->head + i) % AMQP_WINDOW];
}

/* The link is lost: all unconfirmed messages will be sent again. */
static int
window_lost(struct amqp_writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (outgoing_at(w, i)->state != OUTGOING_DONE)
			outgoing_at(w, i)->state = OUTGOING_TO_SEND;
	w->phase = AMQP_PHASE_METHOD;
	buf_clear(&w->answers.arriving);
	endpoint_amqp_lost(&w->a);
	return -1;
}

/* Removes confirmed messages from the old end of the window. */
static void
slide(struct amqp_writer *w)
{
	while (w->n > 0 && outgoing_at(w, 0)->state == OUTGOING_DONE) {
		struct buf *body = &outgoing_at(w, 0)->body;

		if (body->cap > 2 * AMQP_BODY_BYTES) /* after a long line */
			buf_release(body);
		buf_clear(body);
		w->head = (w->head + 1) % AMQP_WINDOW;
		w->n--;
	}
	/* With frequent flushes, only a few entries are used and have
	 * memory. */
	if (w->n == 0)
		w->head = 0;
}

static void
on_ack(struct amqp_writer *w, struct amqp_outgoing *m)
{
	if (m->state == OUTGOING_RETURNED) {
		m->state = OUTGOING_TO_SEND;
		w->a.gone = true;
		return;
	}
	m->state = OUTGOING_DONE;
	w->progress_ms = w->silent_since_ms = clock_mono_ms();
	w->full = false;
	retry_reset(&w->pause);
	endpoint_amqp_works(&w->a);
}

static void
on_nack(struct amqp_writer *w, struct amqp_outgoing *m)
{
	int64_t now = clock_mono_ms();

	m->state = OUTGOING_TO_SEND;
	if (!w->full)
		log_info("queue_full", "queue=%s", w->a.queue);
	w->full = true;
	if (w->pause_until_ms <= now)
		w->pause_until_ms = now + retry_next(&w->pause, -1);
}

/* Handles an ack or nack of one message, or of all up to it. */
static void
on_confirms(struct amqp_writer *w, uint64_t tag, bool multiple, bool ack)
{
	struct amqp_outgoing *m;
	size_t i;

	for (i = 0; i < w->n; i++) {
		m = outgoing_at(w, i);
		if (m->state != OUTGOING_SENT && m->state != OUTGOING_RETURNED)
			continue;
		if (m->tag != tag && !(multiple && m->tag < tag))
			continue;
		if (ack)
			on_ack(w, m);
		else
			on_nack(w, m);
	}
	slide(w);
	if (w->a.gone)
		amqp_link_drop(&w->a.link, "the queue '%s' at %s was deleted",
		    w->a.queue, w->a.link.title);
}

static void
format_id(const struct amqp_writer *w, uint64_t seq, struct buf *id)
{
	buf_setf(id, "%s-%" PRIu64, w->run, seq);
}

/* The header of a returned message identifies it. */
static void
mark_returned(struct amqp_writer *w, const amqp_frame_t *f)
{
	const amqp_basic_properties_t *p = f->payload.properties.decoded;
	struct buf id = BUF_INIT;
	size_t i;

	if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) == 0)
		return;
	for (i = 0; i < w->n; i++) {
		format_id(w, outgoing_at(w, i)->seq, &id);
		if (outgoing_at(w, i)->state == OUTGOING_SENT &&
		    id.len == p->message_id.len &&
		    memcmp(id.data, p->message_id.bytes, id.len) == 0)
			outgoing_at(w, i)->state = OUTGOING_RETURNED;
	}
	buf_release(&id);
}

/* Call after the header and each part of an incoming message. */
static void
end_incoming(struct amqp_writer *w)
{
	const struct buf empty = BUF_INIT;

	w->phase = w->incoming_left > 0 ? AMQP_PHASE_BODY : AMQP_PHASE_METHOD;
	if (w->incoming_left > 0 || !w->answering)
		return;
	XGROW(w->answers.list, w->answers.n, w->answers.cap);
	w->answers.list[w->answers.n++] = w->answers.arriving;
	w->answers.arriving = empty;
}

static void
take_method(struct amqp_writer *w, const amqp_method_t *m)
{
	const amqp_basic_ack_t *ack = m->decoded;
	const amqp_basic_nack_t *nack = m->decoded;

	if (m->id == AMQP_BASIC_ACK_METHOD)
		on_confirms(w, ack->delivery_tag, ack->multiple != 0, true);
	else if (m->id == AMQP_BASIC_NACK_METHOD)
		on_confirms(w, nack->delivery_tag, nack->multiple != 0, false);
	if (m->id != AMQP_BASIC_RETURN_METHOD &&
	    m->id != AMQP_BASIC_DELIVER_METHOD)
		return;
	w->phase = AMQP_PHASE_HEADER;
	w->answering = m->id == AMQP_BASIC_DELIVER_METHOD;
}

static bool
window_take_frame(struct amqp_writer *w, const amqp_frame_t *f)
{
	amqp_bytes_t part = f->payload.body_fragment;

	if (f->frame_type == AMQP_FRAME_METHOD &&
	    w->phase == AMQP_PHASE_METHOD) {
		take_method(w, &f->payload.method);
		return true;
	}
	if (f->frame_type == AMQP_FRAME_HEADER &&
	    w->phase == AMQP_PHASE_HEADER) {
		w->incoming_left = f->payload.properties.body_size;
		if (!w->answering)
			mark_returned(w, f);
		end_incoming(w);
		return true;
	}
	if (f->frame_type != AMQP_FRAME_BODY || w->phase != AMQP_PHASE_BODY ||
	    part.len > w->incoming_left)
		return false;
	if (w->answering)
		buf_add(&w->answers.arriving, part.bytes, part.len);
	w->incoming_left -= part.len;
	end_incoming(w);
	return true;
}

/* Puts the reason for the lack of progress into why. */
static void
explain_stall(struct amqp_writer *w)
{
	struct buf *why = &w->a.base.why;

	w->a.base.code = PROG_TEMPFAIL;
	if (w->a.link.conn == NULL)
		return; /* endpoint_amqp_lost() set the reason */
	if (w->a.link.blocked)
		buf_setf(why, "%s", buf_str(&w->a.link.why));
	else if (w->full)
		buf_setf(why,
		    "queue '%s' at %s is full; let its consumer catch up, or "
		    "raise its limit",
		    w->a.queue, w->a.link.title);
	else
		buf_setf(why,
		    "RabbitMQ at %s does not confirm messages to '%s'",
		    w->a.link.title, w->a.queue);
}

static bool
is_unconfirmed(struct amqp_writer *w)
{
	int64_t now = clock_mono_ms();

	if (w->n == 0 || w->a.link.blocked)
		w->silent_since_ms = now;
	return now - w->silent_since_ms >= UNCONFIRMED_MS;
}

/* A daemon would otherwise wait without a word. */
static void
tell_alarm(struct amqp_writer *w)
{
	const struct amqp_link *l = &w->a.link;

	if (l->blocked && !w->told_alarm && w->a.wait_forever)
		log_warn("%s", buf_str(&l->why));
	if (!l->blocked && w->told_alarm)
		log_info("alarm_ended", "queue=%s", w->a.queue);
	w->told_alarm = l->blocked;
}

/* Handles the available answers; waits for the first one. Returns -1 if the
 * link is lost. */
static int
receive_answers(struct amqp_writer *w, int wait_ms)
{
	struct amqp_link *l = &w->a.link;
	amqp_frame_t f;
	int got;

	while ((got = amqp_link_frame(l, &f, wait_ms)) > 0) {
		if (!window_take_frame(w, &f))
			amqp_link_drop(
			    l, "%s sends frames out of order", l->title);
		wait_ms = 0;
	}
	tell_alarm(w);
	if (got == 0 && is_unconfirmed(w)) {
		explain_stall(w);
		amqp_link_drop(l, "%s", buf_str(&w->a.base.why));
	}
	return l->conn == NULL || got < 0 ? window_lost(w) : 0;
}

static int
publish_message(struct amqp_writer *w, struct amqp_outgoing *m)
{
	struct buf id = BUF_INIT;
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
			  AMQP_BASIC_DELIVERY_MODE_FLAG |
			  AMQP_BASIC_MESSAGE_ID_FLAG,
		.content_type = amqp_cstring_bytes("application/x-ndjson"),
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};
	int status;

	format_id(w, m->seq, &id);
	p.message_id = amqp_cstring_bytes(buf_str(&id));
	if (w->answers.on) {
		p._flags |= AMQP_BASIC_REPLY_TO_FLAG;
		p.reply_to = amqp_cstring_bytes(REPLY_TO);
	}
	status = amqp_basic_publish(w->a.link.conn, AMQP_LINK_CHANNEL,
	    amqp_empty_bytes, amqp_cstring_bytes(w->a.queue), 1, 0, &p,
	    (amqp_bytes_t){ m->body.len, m->body.data });
	buf_release(&id);
	if (amqp_link_check(&w->a.link, "publish", status) != 0)
		return window_lost(w);
	m->tag = w->next_tag++;
	m->state = OUTGOING_SENT;
	return 0;
}

/* Returns the oldest message that must be sent, or NULL. *waits: others wait
 * for their answer. */
static struct amqp_outgoing *
next_to_send(struct amqp_writer *w, bool *waits)
{
	struct amqp_outgoing *next = NULL, *m;
	size_t i;

	*waits = false;
	for (i = 0; i < w->n; i++) {
		m = outgoing_at(w, i);
		if (m->state == OUTGOING_TO_SEND && next == NULL)
			next = m;
		*waits |=
		    m->state == OUTGOING_SENT || m->state == OUTGOING_RETURNED;
	}
	return next;
}

/* Checks before each message whether the broker accepts any, so that an alarm
 * stops sending in time. If the queue was full, messages are sent one at a time
 * until it accepts one: it might accept the last of several but not the first,
 * and their order matters. */
static int
send_outgoing(struct amqp_writer *w)
{
	struct amqp_outgoing *m;
	bool waits;

	for (;;) {
		if (receive_answers(w, 0) != 0)
			return -1;
		if (w->a.link.blocked || clock_mono_ms() < w->pause_until_ms)
			return 0;
		m = next_to_send(w, &waits);
		if (m == NULL || (w->full && waits))
			return 0;
		if (publish_message(w, m) != 0)
			return -1;
	}
}

static const struct endpoint_ops writer_ops;

static struct amqp_writer *
writer_of(struct endpoint *e)
{
	return (struct amqp_writer *)(void *)e;
}

/* Must come before the first message that can be answered. */
static enum outcome
consume_answers(struct amqp_link *l)
{
	amqp_table_t none = { 0, NULL };

	amqp_basic_consume(l->conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(REPLY_TO), amqp_empty_bytes, 0, 1, 0, none);
	return amqp_link_check_reply(
		   l, "ask for answers", amqp_get_rpc_reply(l->conn)) == 0
		   ? OUTCOME_DONE
		   : l->outcome;
}

static enum outcome
writer_set_up(struct amqp_endpoint *a)
{
	struct amqp_writer *w = writer_of(&a->base);

	amqp_confirm_select(a->link.conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(&a->link, "ask for confirms",
		amqp_get_rpc_reply(a->link.conn)) != 0)
		return a->link.outcome;
	w->next_tag = 1;
	w->silent_since_ms = clock_mono_ms();
	return w->answers.on ? consume_answers(&a->link) : OUTCOME_DONE;
}

/* Sends, and reads answers; waits for them only while the window holds more
 * than n messages. NEVER: a retry would not help. */
static enum outcome
send_and_receive(struct amqp_writer *w, size_t n, int wait_ms)
{
	enum outcome o = endpoint_amqp_connect(&w->a, wait_ms);

	if (o != OUTCOME_DONE)
		return o;
	if (send_outgoing(w) != 0 ||
	    (w->n > n && receive_answers(w, wait_ms) != 0))
		return w->a.link.outcome;
	return OUTCOME_DONE;
}

/* Returns how long to continue without progress in ms; -1: forever. */
static int64_t
patience_ms(const struct amqp_writer *w, bool flushing)
{
	int64_t left = stop_left_ms() - STOP_SPARE_MS;

	if (stop_asked() && (w->a.link.conn == NULL || w->a.link.blocked))
		return 0;
	if (stop_asked()) /* answers may be in transit */
		return left <= 0 ? 0 : left < STOP_MS ? left : STOP_MS;
	if (!w->a.wait_forever)
		return w->a.timeout_ms;
	return flushing ? FLUSH_MS : -1;
}

/* Continues until the window holds at most n messages. */
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
		max = patience_ms(w, flushing);
		if (w->n > n && max >= 0 && clock_mono_ms() - since >= max) {
			explain_stall(w);
			return OUTCOME_LATER;
		}
	}
}

/* Creates a message from the buffer; the window must have space. */
static void
seal_message(struct amqp_writer *w)
{
	struct amqp_outgoing *m = outgoing_at(w, w->n);
	struct buf empty = m->body;

	if (w->n == 0)
		w->silent_since_ms = clock_mono_ms();
	m->body = w->filling;
	w->filling = empty;
	m->seq = w->next_seq++;
	m->state = OUTGOING_TO_SEND;
	w->together = false;
	w->n++;
}

/* Waits until the window has space. */
static enum outcome
seal_when_possible(struct amqp_writer *w, bool flushing)
{
	enum outcome o = confirm_down_to(w, AMQP_WINDOW - 1, flushing);

	if (o == OUTCOME_DONE)
		seal_message(w);
	return o;
}

static bool
is_buffer_due(const struct amqp_writer *w, int64_t now)
{
	return !w->together &&
	       (w->filling.len >= w->body_bytes ||
		   (w->filling.len > 0 && now - w->since_ms >= LINGER_MS));
}

/* Sends messages that are due, without waiting. */
static void
send_due(struct amqp_writer *w)
{
	if (w->n < AMQP_WINDOW && is_buffer_due(w, clock_mono_ms()))
		seal_message(w);
	if (w->a.link.conn != NULL)
		(void)send_outgoing(w);
}

/* True if the collected lines are a message before a line of that length. */
static bool
ends_message(const struct amqp_writer *w, size_t len)
{
	bool full = !w->together && w->filling.len + len >= w->body_bytes;

	return w->filling.len > 0 && (w->breaks || full);
}

static int
writer_write(struct endpoint *e, const char *line, size_t len)
{
	struct amqp_writer *w = writer_of(e);
	int64_t now;

	/* Accept the line only if there is space for it. */
	if (ends_message(w, len) &&
	    seal_when_possible(w, false) != OUTCOME_DONE)
		return -1;
	w->breaks = false;
	w->together = w->keeps;
	now = clock_mono_ms();
	if (w->filling.len == 0)
		w->since_ms = now;
	buf_add(&w->filling, line, len);
	buf_addc(&w->filling, '\n');
	if (is_buffer_due(w, now))
		send_due(w);
	return 0;
}

static enum outcome
writer_flush(struct endpoint *e)
{
	struct amqp_writer *w = writer_of(e);
	enum outcome o = OUTCOME_DONE;

	if (w->filling.len > 0)
		o = seal_when_possible(w, true);
	if (o != OUTCOME_DONE)
		return o;
	/* Commit point: the broker has confirmed everything. */
	return confirm_down_to(w, 0, true);
}

bool
endpoint_flush_begin(struct endpoint *e, uint64_t *mark)
{
	struct amqp_writer *w = writer_of(e);

	if (e->ops != &writer_ops || w->a.link.conn == NULL)
		return false;
	if (w->filling.len > 0 && w->n == AMQP_WINDOW)
		return false;
	if (w->filling.len > 0)
		seal_message(w);
	*mark = w->next_seq;
	return send_outgoing(w) == 0;
}

bool
endpoint_flush_done(struct endpoint *e, uint64_t mark)
{
	struct amqp_writer *w = writer_of(e);

	if (w->n > 0 && w->a.link.conn != NULL)
		(void)send_outgoing(w);
	return w->n == 0 || outgoing_at(w, 0)->seq >= mark;
}

bool
endpoint_send(struct endpoint *e)
{
	struct amqp_writer *w = writer_of(e);

	if (e->ops != &writer_ops || w->a.link.conn == NULL ||
	    w->filling.len == 0)
		return false;
	if (w->n > 0 && receive_answers(w, 0) != 0)
		return false;
	if (w->n == 0 && !w->together)
		seal_message(w);
	send_due(w);
	return w->filling.len > 0 && !w->together;
}

void
endpoint_together(struct endpoint *e, bool on)
{
	struct amqp_writer *w = writer_of(e);

	if (e->ops != &writer_ops)
		return;
	w->keeps = on;
	w->together = on && w->together;
}

void
endpoint_break(struct endpoint *e)
{
	if (e->ops == &writer_ops)
		writer_of(e)->breaks = true;
}

bool
endpoint_answer(struct endpoint *e, const char **text, size_t *len)
{
	struct amqp_writer *w = writer_of(e);

	if (e->ops != &writer_ops || w->answers.n == 0)
		return false;
	buf_release(&w->answers.last);
	w->answers.last = w->answers.list[0];
	w->answers.n--;
	memmove(w->answers.list, w->answers.list + 1,
	    w->answers.n * sizeof *w->answers.list);
	*text = buf_str(&w->answers.last);
	*len = w->answers.last.len;
	return true;
}

bool
endpoint_wait_answer(
    struct endpoint *e, int timeout_ms, const char **text, size_t *len)
{
	struct amqp_writer *w = writer_of(e);
	int64_t end = clock_mono_ms() + timeout_ms, left = timeout_ms;
	int wait_ms;

	if (e->ops != &writer_ops)
		return false;
	while (w->answers.n == 0 && left > 0 && !stop_asked()) {
		notify_alive();
		wait_ms = left < AMQP_SLICE_MS ? (int)left : AMQP_SLICE_MS;
		if (endpoint_amqp_connect(&w->a, wait_ms) == OUTCOME_NEVER)
			break;
		if (w->a.link.conn != NULL && send_outgoing(w) == 0 &&
		    w->answers.n == 0)
			(void)receive_answers(w, wait_ms);
		left = end - clock_mono_ms();
	}
	return endpoint_answer(e, text, len);
}

enum outcome
endpoint_connect(struct endpoint *e)
{
	struct amqp_writer *w = writer_of(e);
	enum outcome o;

	if (e->ops != &writer_ops)
		return OUTCOME_DONE;
	o = endpoint_amqp_connect(&w->a, AMQP_SLICE_MS);
	if (o == OUTCOME_DONE)
		endpoint_amqp_reached(&w->a);
	return o;
}

static void
writer_pump(struct endpoint *e)
{
	send_due(writer_of(e));
}

static void
release_answers(struct amqp_writer *w)
{
	size_t i;

	for (i = 0; i < w->answers.n; i++)
		buf_release(&w->answers.list[i]);
	free(w->answers.list);
	buf_release(&w->answers.arriving);
	buf_release(&w->answers.last);
}

static void
writer_close(struct endpoint *e)
{
	struct amqp_writer *w = writer_of(e);
	size_t i;

	endpoint_amqp_release(&w->a);
	for (i = 0; i < AMQP_WINDOW; i++)
		buf_release(&w->window[i].body);
	buf_release(&w->filling);
	release_answers(w);
	free(w);
}

static const struct endpoint_ops writer_ops = {
	.write = writer_write,
	.flush = writer_flush,
	.pump = writer_pump,
	.is_up = endpoint_amqp_op_is_up,
	.close = writer_close,
};

struct endpoint *
endpoint_amqp_open_write(const char *queue, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct amqp_writer *w = xcalloc(1, sizeof *w);
	struct endpoint *e = &w->a.base;

	if (endpoint_amqp_init(&w->a, queue, true, opt, why, code) != 0) {
		free(w);
		return NULL;
	}
	(void)snprintf(w->run, sizeof w->run, "%08" PRIx32 "%08" PRIx32,
	    random_32(), random_32());
	/* Each dead letter is shown, replayed or dropped individually. */
	w->body_bytes = amqp_is_dead_letter_queue(queue) ? 1 : AMQP_BODY_BYTES;
	w->a.set_up = writer_set_up;
	w->answers.on = opt->answers;
	w->pause = (struct retry)RETRY_INIT(PAUSE_BASE_MS, PAUSE_CAP_MS, -1);
	e->ops = &writer_ops;
	if (opt->lazy)
		return e;
	e = endpoint_amqp_first(&w->a, why, code);
	if (e != NULL)
		endpoint_amqp_reached(&w->a);
	return e;
}
