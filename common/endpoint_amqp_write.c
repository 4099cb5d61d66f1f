/*
 * endpoint_amqp_write: the writing end of a queue, or of an exchange that
 * spreads records over queues.
 *
 * Lines gather in a lane until it holds body_bytes, LINGER_MS have passed, or
 * a flush. Then they are one message: packed where that is wanted, persistent,
 * mandatory, with an id that it keeps however often it is sent. It stays in
 * the window until the broker has confirmed it and has not returned it; the
 * window bounds memory and what may have to be sent again.
 *
 * A queue has one lane. An exchange has one for each bucket (bucket.h), whose
 * number is the routing key of its messages, so that what holds a chat is in
 * one lane, one queue, and in order; and one for what concerns all, which goes
 * to the exchange NAME.all.
 *
 * What the broker can answer to a message:
 *   ack              it is on the disk: out of the window
 *   return, then ack the queue is gone: the link is made anew, which makes the
 *                    queue anew, and the message is sent again; of an
 *                    exchange, that no queue is bound to it at the moment
 *   nack             the queue is full: sent again after a pause
 *   nothing          the link is lost: sent again on the next one
 *
 * Guarantee: flush() is DONE only when the window and all lanes are empty.
 */
#include "common/endpoint_amqp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/amqp_pack.h"
#include "common/bucket.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/stop.h"
#include "common/xalloc.h"

#define WINDOW 128
#define BODY_BYTES ((size_t)124 * 1024) /* one frame: of 128 at most */
#define LINGER_MS 5
/* How long a full queue is left alone. */
#define PAUSE_BASE_MS 50
#define PAUSE_CAP_MS 2000
/* A patient flush answers LATER after so long without any progress. */
#define FLUSH_MS 3000
/* After a signal: how long confirms that are on their way are waited for. */
#define STOP_MS 3000

enum state { STATE_TO_SEND, STATE_SENT, STATE_RETURNED, STATE_DONE };

struct message {
	uint64_t seq;
	uint64_t tag; /* of this connection, while SENT or RETURNED */
	enum state state;
	size_t lane;
	bool packed;
	struct buf body;
};

struct lane {
	struct buf filling;
	int64_t since_ms;
};

enum phase { PHASE_METHOD, PHASE_HEADER, PHASE_BODY };

struct writer {
	struct amqp_endpoint a;
	char run[17]; /* makes ids unique among all writers there ever are */
	uint64_t next_seq, next_tag;

	struct message window[WINDOW]; /* ring, in order of writing */
	size_t head, n;
	int64_t progress_ms; /* when the broker last confirmed something */
	struct retry pause;  /* after a refusal because the queue is full */
	int64_t pause_until_ms;
	bool full, gone;

	size_t body_bytes;
	bool packs; /* what is long enough, when it is sealed */
	struct lane *lanes;
	size_t lanes_n;
	int64_t swept_ms; /* when all lanes were looked at */
	char *all;        /* the exchange for what concerns all */
	struct flat flat; /* scratch */
	struct buf line;

	enum phase phase; /* of a message that is being returned */
	uint64_t returned_left;
};

static struct writer *
self(struct endpoint *e)
{
	return (struct writer *)(void *)e;
}

static struct message *
at(struct writer *w, size_t i)
{
	return &w->window[(w->head + i) % WINDOW];
}

/* The link is gone: whatever was on its way is to be sent again. */
static int
lost(struct writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (at(w, i)->state != STATE_DONE)
			at(w, i)->state = STATE_TO_SEND;
	w->phase = PHASE_METHOD;
	endpoint_amqp_lost(&w->a);
	return -1;
}

static enum outcome
set_up(struct amqp_endpoint *a)
{
	struct writer *w = self(&a->base);

	amqp_confirm_select(a->link.conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(&a->link, "ask for confirms",
		amqp_get_rpc_reply(a->link.conn)) != 0)
		return a->link.outcome;
	w->next_tag = 1;
	return OUTCOME_DONE;
}

/* Makes it empty; of a long line it does not keep the room. */
static void
shorten(struct buf *b)
{
	if (b->cap > 2 * BODY_BYTES)
		buf_release(b);
	buf_clear(b);
}

/* Takes what is done out of the window, from its oldest end. */
static void
slide(struct writer *w)
{
	while (w->n > 0 && at(w, 0)->state == STATE_DONE) {
		shorten(&at(w, 0)->body);
		w->head = (w->head + 1) % WINDOW;
		w->n--;
	}
	/* Whoever flushes often needs the memory of a few places only. */
	if (w->n == 0)
		w->head = 0;
}

static void
confirmed(struct writer *w, struct message *m)
{
	if (m->state == STATE_RETURNED) {
		m->state = STATE_TO_SEND;
		w->gone = true;
		return;
	}
	m->state = STATE_DONE;
	w->progress_ms = clock_mono_ms();
	w->full = false;
	retry_reset(&w->pause);
	endpoint_amqp_works(&w->a);
}

static void
refused(struct writer *w, struct message *m)
{
	int64_t now = clock_mono_ms();

	m->state = STATE_TO_SEND;
	if (w->pause_until_ms > now)
		return;
	w->pause_until_ms = now + retry_next(&w->pause, -1);
	if (!w->full)
		log_info("queue_full", "queue=%s", w->a.queue);
	w->full = true;
}

/* The answer to one message, or to all up to it. */
static void
answered(struct writer *w, uint64_t tag, bool multiple, bool ack)
{
	struct message *m;
	size_t i;

	for (i = 0; i < w->n; i++) {
		m = at(w, i);
		if (m->state != STATE_SENT && m->state != STATE_RETURNED)
			continue;
		if (m->tag != tag && !(multiple && m->tag < tag))
			continue;
		if (ack)
			confirmed(w, m);
		else
			refused(w, m);
	}
	slide(w);
	if (w->gone)
		amqp_link_drop(&w->a.link,
		    w->a.spread ? "no queue takes what is sent to exchange "
				  "'%s' at %s"
				: "the queue '%s' at %s is gone",
		    w->a.queue, buf_str(&w->a.link.title));
	w->gone = false;
}

static void
format_id(const struct writer *w, uint64_t seq, struct buf *id)
{
	buf_setf(id, "%s-%" PRIu64, w->run, seq);
}

/* The header of a returned message tells which one it is. */
static void
mark_returned(struct writer *w, const amqp_frame_t *f)
{
	const amqp_basic_properties_t *p = f->payload.properties.decoded;
	struct buf id = BUF_INIT;
	size_t i;

	w->returned_left = f->payload.properties.body_size;
	w->phase = w->returned_left > 0 ? PHASE_BODY : PHASE_METHOD;
	if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) == 0)
		return;
	for (i = 0; i < w->n; i++) {
		format_id(w, at(w, i)->seq, &id);
		if (at(w, i)->state == STATE_SENT &&
		    id.len == p->message_id.len &&
		    memcmp(id.data, p->message_id.bytes, id.len) == 0)
			at(w, i)->state = STATE_RETURNED;
	}
	buf_release(&id);
}

static void
take_method(struct writer *w, const amqp_method_t *m)
{
	const amqp_basic_ack_t *ack = m->decoded;
	const amqp_basic_nack_t *nack = m->decoded;

	if (m->id == AMQP_BASIC_ACK_METHOD)
		answered(w, ack->delivery_tag, ack->multiple != 0, true);
	else if (m->id == AMQP_BASIC_NACK_METHOD)
		answered(w, nack->delivery_tag, nack->multiple != 0, false);
	else if (m->id == AMQP_BASIC_RETURN_METHOD)
		w->phase = PHASE_HEADER;
}

static bool
take_frame(struct writer *w, const amqp_frame_t *f)
{
	size_t len;

	if (f->frame_type == AMQP_FRAME_METHOD && w->phase == PHASE_METHOD) {
		take_method(w, &f->payload.method);
		return true;
	}
	if (f->frame_type == AMQP_FRAME_HEADER && w->phase == PHASE_HEADER) {
		mark_returned(w, f);
		return true;
	}
	if (f->frame_type != AMQP_FRAME_BODY || w->phase != PHASE_BODY)
		return false;
	len = f->payload.body_fragment.len;
	w->returned_left -= len < w->returned_left ? len : w->returned_left;
	if (w->returned_left == 0)
		w->phase = PHASE_METHOD;
	return true;
}

/* Takes what has come, waiting for the first of it. -1: the link is lost. */
static int
receive(struct writer *w, int wait_ms)
{
	struct amqp_link *l = &w->a.link;
	amqp_frame_t f;
	int got;

	while ((got = amqp_link_frame(l, &f, wait_ms)) > 0) {
		if (!take_frame(w, &f))
			amqp_link_drop(l, "%s sends frames out of order",
			    buf_str(&l->title));
		wait_ms = 0;
	}
	return l->conn == NULL || got < 0 ? lost(w) : 0;
}

static int
publish(struct writer *w, struct message *m)
{
	struct buf id = BUF_INIT;
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
			  AMQP_BASIC_DELIVERY_MODE_FLAG |
			  AMQP_BASIC_MESSAGE_ID_FLAG |
			  (m->packed ? AMQP_BASIC_CONTENT_ENCODING_FLAG : 0),
		.content_type = amqp_cstring_bytes("application/x-ndjson"),
		.content_encoding = amqp_cstring_bytes(AMQP_PACK_ENCODING),
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};
	const char *exchange = "", *key = w->a.queue;
	char number[8] = "";
	int status;

	if (w->a.spread) {
		exchange = m->lane == BUCKET_ALL ? w->all : w->a.queue;
		if (m->lane != BUCKET_ALL)
			(void)snprintf(number, sizeof number, "%zu", m->lane);
		key = number;
	}
	format_id(w, m->seq, &id);
	p.message_id = amqp_cstring_bytes(buf_str(&id));
	status = amqp_basic_publish(w->a.link.conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 1, 0, &p,
	    (amqp_bytes_t){ m->body.len, m->body.data });
	buf_release(&id);
	if (amqp_link_check(&w->a.link, "publish", status) != 0)
		return lost(w);
	m->tag = w->next_tag++;
	m->state = STATE_SENT;
	return 0;
}

/* The oldest message that is to be sent, or NULL. */
static struct message *
next_to_send(struct writer *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (at(w, i)->state == STATE_TO_SEND)
			return at(w, i);
	return NULL;
}

/* Sends what is to be sent, looking before each message whether the broker
 * wants any: an alarm is told in time only to those who listen. */
static int
send_all(struct writer *w)
{
	struct message *m;

	for (;;) {
		if (receive(w, 0) != 0)
			return -1;
		if (w->a.link.blocked || clock_mono_ms() < w->pause_until_ms)
			return 0;
		m = next_to_send(w);
		if (m == NULL)
			return 0;
		if (publish(w, m) != 0)
			return -1;
	}
}

/* One step towards a window of at most n messages; waits for answers only
 * when those that have come are not enough. NEVER: no step will help. */
static enum outcome
step(struct writer *w, size_t n, int wait_ms)
{
	enum outcome o = endpoint_amqp_connect(&w->a, wait_ms);

	if (o != OUTCOME_DONE)
		return o;
	if (send_all(w) != 0 || (w->n > n && receive(w, wait_ms) != 0))
		return w->a.link.outcome;
	return OUTCOME_DONE;
}

/* Nothing moves: says why, for people. */
static void
explain(struct writer *w)
{
	struct buf *why = &w->a.base.why;

	w->a.base.code = PROG_TEMPFAIL;
	if (w->a.link.conn == NULL)
		return; /* said by endpoint_amqp_lost() */
	if (w->a.link.blocked)
		buf_setf(why, "%s", buf_str(&w->a.link.why));
	else if (w->full)
		buf_setf(why,
		    "%s '%s' at %s is full; let its reader catch up, or "
		    "raise its limit",
		    w->a.spread ? "a queue behind exchange" : "queue",
		    w->a.queue, buf_str(&w->a.link.title));
	else
		buf_setf(why,
		    "RabbitMQ at %s does not confirm what is written to '%s'",
		    buf_str(&w->a.link.title), w->a.queue);
}

/* How long to go on without progress. -1: for ever. */
static int64_t
limit(const struct writer *w, bool flushing)
{
	if (stop_asked())
		return w->a.link.conn != NULL && !w->a.link.blocked ? STOP_MS
								    : 0;
	if (!w->a.patient)
		return w->a.patience_ms;
	return flushing ? FLUSH_MS : -1;
}

/* Steps until the window holds at most n messages. */
static enum outcome
shrink(struct writer *w, size_t n, bool flushing)
{
	int64_t since = clock_mono_ms(), max;
	enum outcome o = OUTCOME_DONE;

	for (;;) {
		if (w->n <= n)
			return OUTCOME_DONE;
		o = step(w, n, AMQP_SLICE_MS);
		if (o == OUTCOME_NEVER)
			return o;
		if (w->progress_ms > since)
			since = w->progress_ms;
		max = limit(w, flushing);
		if (w->n > n && max >= 0 && clock_mono_ms() - since >= max) {
			explain(w);
			return OUTCOME_LATER;
		}
	}
}

/* Makes a message of what was gathered; needs a place in the window. */
static void
seal(struct writer *w, struct lane *lane)
{
	struct message *m = at(w, w->n);
	struct buf empty = m->body;

	m->packed = w->packs && lane->filling.len >= AMQP_PACK_LEAST;
	if (m->packed) {
		amqp_pack(&m->body, lane->filling.data, lane->filling.len);
		shorten(&lane->filling);
	} else {
		m->body = lane->filling;
		lane->filling = empty;
	}
	m->seq = w->next_seq++;
	m->state = STATE_TO_SEND;
	m->lane = (size_t)(lane - w->lanes);
	w->n++;
}

static bool
is_due(const struct writer *w, const struct lane *lane, int64_t now)
{
	return lane->filling.len >= w->body_bytes ||
	       (lane->filling.len > 0 && now - lane->since_ms >= LINGER_MS);
}

/* Sends what is due without waiting for anybody. */
static void
pump(struct writer *w)
{
	size_t i;

	w->swept_ms = clock_mono_ms();
	for (i = 0; i < w->lanes_n && w->n < WINDOW; i++)
		if (is_due(w, &w->lanes[i], w->swept_ms))
			seal(w, &w->lanes[i]);
	if (w->a.link.conn != NULL)
		(void)send_all(w);
}

static struct lane *
choose_lane(struct writer *w, const char *line, size_t len)
{
	static const char zeros[64];

	if (!w->a.spread)
		return w->lanes;
	buf_clear(&w->line);
	buf_add(&w->line, line, len);
	buf_add(&w->line, zeros, sizeof zeros);
	return &w->lanes[bucket_of_line(&w->flat, w->line.data, len)];
}

static int
amqp_write(struct endpoint *e, const char *line, size_t len)
{
	struct writer *w = self(e);
	struct lane *lane = choose_lane(w, line, len);
	struct buf *filling = &lane->filling;
	int64_t now;

	/* The line is taken only when there is room for it. */
	if (filling->len > 0 && filling->len + len >= w->body_bytes) {
		if (shrink(w, WINDOW - 1, false) != OUTCOME_DONE)
			return -1;
		seal(w, lane);
	}
	now = clock_mono_ms();
	if (filling->len == 0)
		lane->since_ms = now;
	buf_add(filling, line, len);
	buf_addc(filling, '\n');
	/* The other lanes have lines that grow old, too. */
	if (is_due(w, lane, now) || now - w->swept_ms >= LINGER_MS)
		pump(w);
	return 0;
}

static enum outcome
amqp_flush(struct endpoint *e)
{
	struct writer *w = self(e);
	enum outcome o;
	size_t i;

	for (i = 0; i < w->lanes_n; i++) {
		if (w->lanes[i].filling.len == 0)
			continue;
		o = shrink(w, WINDOW - 1, true);
		if (o != OUTCOME_DONE)
			return o;
		seal(w, &w->lanes[i]);
	}
	/* Commit point: the broker has confirmed everything. */
	return shrink(w, 0, true);
}

static void
amqp_pump(struct endpoint *e)
{
	pump(self(e));
}

static void
amqp_close(struct endpoint *e)
{
	struct writer *w = self(e);
	size_t i;

	endpoint_amqp_release(&w->a);
	for (i = 0; i < WINDOW; i++)
		buf_release(&w->window[i].body);
	for (i = 0; i < w->lanes_n; i++)
		buf_release(&w->lanes[i].filling);
	free(w->lanes);
	free(w->all);
	flat_release(&w->flat);
	buf_release(&w->line);
	free(w);
}

static const struct endpoint_ops ops = {
	.prefix = "queue:",
	.write = amqp_write,
	.flush = amqp_flush,
	.connect = endpoint_amqp_op_connect,
	.pump = amqp_pump,
	.is_up = endpoint_amqp_op_is_up,
	.close = amqp_close,
};

struct endpoint *
endpoint_amqp_open_write(const char *queue, bool spread,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	struct writer *w = xcalloc(1, sizeof *w);
	struct endpoint *e = &w->a.base;

	w->a.spread = spread;
	if (endpoint_amqp_init(&w->a, queue, true, opt, why, code) != 0) {
		free(w);
		return NULL;
	}
	(void)snprintf(w->run, sizeof w->run, "%08" PRIx32 "%08" PRIx32,
	    retry_random(), retry_random());
	w->body_bytes = opt->body > 0 ? opt->body : BODY_BYTES;
	w->packs = !opt->plain && conf_bool(opt->conf, "amqp", "compress");
	w->a.set_up = set_up;
	w->lanes_n = spread ? BUCKETS + 1 : 1;
	w->lanes = xcalloc(w->lanes_n, sizeof *w->lanes);
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
