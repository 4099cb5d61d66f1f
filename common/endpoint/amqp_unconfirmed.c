/*
 * amqp_unconfirmed: see amqp_unconfirmed.h.
 */
#include "common/endpoint/amqp_unconfirmed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/amqp/amqp_compress.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/records/bucket.h"

/* The link is gone: all unconfirmed messages are sent again. */
static int
window_lost(struct amqp_writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (amqp_unconfirmed_at(w, i)->state != AMQP_OUTGOING_DONE)
			amqp_unconfirmed_at(w, i)->state =
			    AMQP_OUTGOING_TO_SEND;
	w->phase = AMQP_PHASE_METHOD;
	endpoint_amqp_lost(&w->a);
	return -1;
}

void
amqp_unconfirmed_shorten(struct buf *b)
{
	if (b->cap > 2 * AMQP_BODY_BYTES)
		buf_release(b);
	buf_clear(b);
}

/* Removes confirmed messages from the oldest end of the window. */
static void
slide(struct amqp_writer *w)
{
	while (w->n > 0 &&
	       amqp_unconfirmed_at(w, 0)->state == AMQP_OUTGOING_DONE) {
		amqp_unconfirmed_shorten(&amqp_unconfirmed_at(w, 0)->body);
		w->head = (w->head + 1) % AMQP_WINDOW;
		w->n--;
	}
	/* With frequent flushes only a few places are used, and have memory. */
	if (w->n == 0)
		w->head = 0;
}

static void
on_ack(struct amqp_writer *w, struct amqp_outgoing *m)
{
	if (m->state == AMQP_OUTGOING_RETURNED) {
		m->state = AMQP_OUTGOING_TO_SEND;
		w->a.gone = true;
		return;
	}
	/* Of a queue; an exchange writes several messages at a time. */
	if (m->sent_us != 0 && !w->a.spread)
		endpoint_trace_sent(
		    m->before, m->lines, m->body.len, m->sent_us);
	m->state = AMQP_OUTGOING_DONE;
	w->progress_ms = clock_mono_ms();
	w->full = false;
	retry_reset(&w->pause);
	endpoint_amqp_works(&w->a);
}

static void
on_nack(struct amqp_writer *w, struct amqp_outgoing *m)
{
	int64_t now = clock_mono_ms();

	m->state = AMQP_OUTGOING_TO_SEND;
	if (!w->full)
		log_info("queue_full", "queue=%s", w->a.queue);
	w->full = true;
	if (w->pause_until_ms <= now)
		w->pause_until_ms = now + retry_next(&w->pause, -1);
}

/* An ack or a nack of one message, or of all up to it. */
static void
on_confirms(struct amqp_writer *w, uint64_t tag, bool multiple, bool ack)
{
	struct amqp_outgoing *m;
	size_t i;

	for (i = 0; i < w->n; i++) {
		m = amqp_unconfirmed_at(w, i);
		if (m->state != AMQP_OUTGOING_SENT &&
		    m->state != AMQP_OUTGOING_RETURNED)
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
		amqp_link_drop(&w->a.link,
		    w->a.spread ? "no queue takes what is sent to exchange "
				  "'%s' at %s"
				: "the queue '%s' at %s is gone",
		    w->a.queue, w->a.link.title);
}

static void
format_id(const struct amqp_writer *w, uint64_t seq, struct buf *id)
{
	buf_setf(id, "%s-%" PRIu64, w->run, seq);
}

/* The header of a returned message tells which one it is. */
static void
mark_returned(struct amqp_writer *w, const amqp_frame_t *f)
{
	const amqp_basic_properties_t *p = f->payload.properties.decoded;
	struct buf id = BUF_INIT;
	size_t i;

	w->returned_left = f->payload.properties.body_size;
	w->phase = w->returned_left > 0 ? AMQP_PHASE_BODY : AMQP_PHASE_METHOD;
	if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) == 0)
		return;
	for (i = 0; i < w->n; i++) {
		format_id(w, amqp_unconfirmed_at(w, i)->seq, &id);
		if (amqp_unconfirmed_at(w, i)->state == AMQP_OUTGOING_SENT &&
		    id.len == p->message_id.len &&
		    memcmp(id.data, p->message_id.bytes, id.len) == 0)
			amqp_unconfirmed_at(w, i)->state =
			    AMQP_OUTGOING_RETURNED;
	}
	buf_release(&id);
}

static void
window_take_method(struct amqp_writer *w, const amqp_method_t *m)
{
	const amqp_basic_ack_t *ack = m->decoded;
	const amqp_basic_nack_t *nack = m->decoded;

	if (m->id == AMQP_BASIC_ACK_METHOD)
		on_confirms(w, ack->delivery_tag, ack->multiple != 0, true);
	else if (m->id == AMQP_BASIC_NACK_METHOD)
		on_confirms(w, nack->delivery_tag, nack->multiple != 0, false);
	else if (m->id == AMQP_BASIC_RETURN_METHOD)
		w->phase = AMQP_PHASE_HEADER;
}

static bool
window_take_frame(struct amqp_writer *w, const amqp_frame_t *f)
{
	size_t len;

	if (f->frame_type == AMQP_FRAME_METHOD &&
	    w->phase == AMQP_PHASE_METHOD) {
		window_take_method(w, &f->payload.method);
		return true;
	}
	if (f->frame_type == AMQP_FRAME_HEADER &&
	    w->phase == AMQP_PHASE_HEADER) {
		mark_returned(w, f);
		return true;
	}
	if (f->frame_type != AMQP_FRAME_BODY || w->phase != AMQP_PHASE_BODY)
		return false;
	len = f->payload.body_fragment.len;
	w->returned_left -= len < w->returned_left ? len : w->returned_left;
	if (w->returned_left == 0)
		w->phase = AMQP_PHASE_METHOD;
	return true;
}

int
amqp_unconfirmed_receive(struct amqp_writer *w, int wait_ms)
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
	return l->conn == NULL || got < 0 ? window_lost(w) : 0;
}

static int
publish_message(struct amqp_writer *w, struct amqp_outgoing *m)
{
	struct buf id = BUF_INIT;
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
			  AMQP_BASIC_DELIVERY_MODE_FLAG |
			  AMQP_BASIC_MESSAGE_ID_FLAG |
			  (m->packed ? AMQP_BASIC_CONTENT_ENCODING_FLAG : 0),
		.content_type = amqp_cstring_bytes("application/x-ndjson"),
		.content_encoding = amqp_cstring_bytes(AMQP_COMPRESS_ENCODING),
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};
	const char *exchange = "", *key = w->a.queue;
	char number[8] = "";
	int status;

	if (w->a.spread) {
		exchange = m->bucket == BUCKET_ALL ? w->all : w->a.queue;
		if (m->bucket != BUCKET_ALL)
			(void)snprintf(number, sizeof number, "%zu", m->bucket);
		key = number;
	}
	format_id(w, m->seq, &id);
	p.message_id = amqp_cstring_bytes(buf_str(&id));
	status = amqp_basic_publish(w->a.link.conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 1, 0, &p,
	    (amqp_bytes_t){ m->body.len, m->body.data });
	buf_release(&id);
	if (amqp_link_check(&w->a.link, "publish", status) != 0)
		return window_lost(w);
	/* Of single lines there are too many. */
	if (w->body_bytes > 1 ? log_traces()
			      : log_traces_some(m->before, m->lines))
		m->sent_us = clock_mono_us();
	m->tag = w->next_tag++;
	m->state = AMQP_OUTGOING_SENT;
	return 0;
}

/* The oldest message that is to be sent, or NULL. */
static struct amqp_outgoing *
next_to_send(struct amqp_writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (amqp_unconfirmed_at(w, i)->state == AMQP_OUTGOING_TO_SEND)
			return amqp_unconfirmed_at(w, i);
	return NULL;
}

static bool
awaits_answer(struct amqp_writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (amqp_unconfirmed_at(w, i)->state != AMQP_OUTGOING_TO_SEND &&
		    amqp_unconfirmed_at(w, i)->state != AMQP_OUTGOING_DONE)
			return true;
	return false;
}

/* Reads before each message whether the broker wants any, so that an alarm
 * stops the sending in time. To a queue that was full one message goes at a
 * time until it takes one: it may take the last of several and not the first,
 * and their order matters. Behind an exchange the other queues would wait, too.
 */
int
amqp_unconfirmed_send(struct amqp_writer *w)
{
	struct amqp_outgoing *m;

	for (;;) {
		if (amqp_unconfirmed_receive(w, 0) != 0)
			return -1;
		if (w->a.link.blocked || clock_mono_ms() < w->pause_until_ms)
			return 0;
		m = next_to_send(w);
		if (m == NULL || (w->full && !w->a.spread && awaits_answer(w)))
			return 0;
		if (publish_message(w, m) != 0)
			return -1;
	}
}
