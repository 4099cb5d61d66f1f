/*
 * endpoint_amqp_read: the reading end of a queue.
 *
 * The broker sends messages ahead of their acknowledgement, at most [amqp]
 * prefetch of them. They are assembled from their frames here, so that the size
 * of a message is bounded and no read blocks in the middle of one, and wait in
 * `ready`, in order. `now` is the message whose lines are being returned. There
 * is only one consumer, because with several the broker would requeue the
 * messages from a lost connection out of order.
 *
 * Guarantee: endpoint_ack() acknowledges a message only after its last line has
 * been returned. If the link goes down, all unacknowledged messages are dropped
 * here, because the broker sends them again; delivery tags of the old
 * connection are never used on a new one.
 *
 * Some fields of struct amqp_reader answer three questions. Each event changes
 * a few of them:
 *
 *   event             what is           is the queue      is the reader
 *                     acknowledged?     empty?            overlooked?
 *   ---------------   ---------------   ---------------   --------------------
 *   link is set up                                        passed_over = false
 *                                                         idle_ms = now
 *   message is                          said_empty =      passed_over = false
 *   complete                              false           idle_ms = now
 *                                       check_ms = 0      silent_since_ms = 0
 *   its last line     done = this
 *   is returned         message
 *   endpoint_ack()    acked = done
 *   endpoint_ack_to() acked = mark
 *   endpoint_ack_one() one more in
 *                     acked.messages
 *   until_empty is                      said_empty =
 *   switched on                           false
 *   is_empty() asks                     said_empty =
 *                                         the answer
 *                                       check_ms = now
 *                                         + QUIET_MS
 *   is_overlooked()                                       passed_over = no
 *   asks                                                    consumer, or
 *                                                           messages wait
 *                                                         idle_ms = now
 *   is_overlooked()                                       silent_since_ms =
 *   drops the link                                          now, if it was 0
 *   link is lost      done = acked = 0  said_empty =
 *                     stale = a message   false
 *                       is current
 *   next read         stale = false
 *
 * endpoint_ack_only() moves acked only up to the first gap in its marks.
 *
 * - is_starved(): done is `prefetch` messages ahead of acked, so the broker may
 *   send nothing. The caller gets ENDPOINT_WAIT, or the end if reads_all.
 * - is_empty(), with until_empty and from check_ms on: two checks in a row
 *   found the queue empty. The caller gets ENDPOINT_EMPTY.
 * - is_overlooked(): all messages are acknowledged, and nothing has arrived for
 *   IDLE_LOOK_MS, counted from idle_ms. The link is dropped if two checks in a
 *   row found no consumer, or messages. If messages wait, a
 *   reader with a time-out gives up when that time has passed since
 *   silent_since_ms.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint_amqp.h"
#include "common/endpoint/endpoint_amqp_reply.h"
#include "common/os/lines.h"
#include "common/os/stop.h"
#include "common/records/record.h"

/* The longest message that is read, which RabbitMQ 4 does not exceed by
 * default. Our own are shorter: a dead letter with an escaped record of 1 MiB
 * has 8 MiB. */
#define MESSAGE_MAX ((size_t)16 * 1024 * 1024)

/* A queue counts as empty if the broker reports this twice with this pause in
 * between, and sends nothing meanwhile: its count does not include messages in
 * transit. */
#define QUIET_MS 50

/* How often an idle reader checks that the broker still has its consumer:
 * RabbitMQ can silently lose one if its queue is deleted and at once created
 * again. */
#define IDLE_LOOK_MS 5000
/* How often a sole reader looks whether it has its lock. */
#define LOCK_LOOK_MS 10000

/* The maximum number of messages that are kept here, and the number of bytes
 * from which on only one frame is read at a time; further messages stay in the
 * socket. */
#define READY_MAX 32768
#define READY_BYTES (16 * 1024 * 1024)
#define PREFETCH_MAX 65535

#define CONSUMER "lines" /* its tag */

/* If there is less time for closing, a reader does not wait for the leader of a
 * queue but closes properly; messages whose acknowledgement has not reached the
 * leader are delivered again. */
#define LEADER_MS 1000

/* While 32 acknowledgements are in transit to a quorum queue, a channel holds
 * further ones back, and discards them when it is closed. */
#define ACKS_AT_ONCE 25

struct amqp_message {
	uint64_t tag;
	char *id;  /* NULL: none, or an empty one, or one with control
		    * characters */
	char *key; /* the routing key; NULL: not stored */
	size_t key_len;
	char *reply_to; /* NULL: its writer expects no answer */
	char *data;     /* the body, followed by LINES_BEHIND bytes */
	size_t len;     /* bytes received so far, stored unless too_long */
	size_t size;    /* of the whole body */
	bool too_long;
	bool redelivered;
};

struct amqp_reader {
	struct amqp_endpoint a;
	size_t max_line;
	bool whole;        /* each message is one line, whatever its content */
	uint16_t prefetch; /* 0: no limit */
	bool reads_all;    /* nothing is acknowledged before the end */
	bool until_empty;
	uint32_t present; /* with a.present: the number of messages that
			   * were waiting when it connected */

	/* Complete messages, in a ring in order of arrival, and behind them the
	 * one that is arriving. */
	struct {
		struct amqp_message *ring;
		size_t head, n, max;
		size_t bytes; /* of the complete messages, as received */
		enum amqp_phase phase;
	} ready;

	/* The current message; its data is NULL if there is none. */
	struct {
		struct amqp_message message;
		size_t at;     /* end of the lines returned so far */
		uint64_t line; /* number of the last line returned */
	} now;
	bool stale; /* its connection broke: the next read frees it */

	/* Of this connection. */
	struct endpoint_mark done;  /* complete messages returned so far */
	struct endpoint_mark acked; /* those of them that have been
				     * acknowledged */
	bool said_empty;            /* the last check of the queue found it
				     * empty */
	int64_t check_ms;           /* time of the next check */

	bool passed_over; /* at the last idle check, messages were waiting or
			   * there was no consumer */
	int64_t idle_ms;  /* since when nothing has arrived; or the last
			   * check */

	/* When the queue last reported our consumer, or the first check. It
	 * reports none while it looks for a leader; a stream never reports
	 * any. */
	int64_t counted_ms;

	/* Since when links are dropped because messages are available but none
	 * arrives; 0: a message arrived. */
	int64_t silent_since_ms;

	struct amqp_reply reply;
};

static const struct endpoint_ops reader_ops;

static struct amqp_reader *
reader_of(struct endpoint *e)
{
	return (struct amqp_reader *)(void *)e;
}

static const struct amqp_reader *
const_reader_of(const struct endpoint *e)
{
	return (const struct amqp_reader *)(const void *)e;
}

static void
message_release(struct amqp_message *m)
{
	free(m->id);
	free(m->key);
	free(m->reply_to);
	free(m->data);
	memset(m, 0, sizeof *m);
}

static struct amqp_message *
arriving(struct amqp_reader *r)
{
	return &r->ready.ring[(r->ready.head + r->ready.n) % r->ready.max];
}

static void
message_is_complete(struct amqp_reader *r)
{
	r->ready.bytes += arriving(r)->len;
	r->ready.n++;
	r->ready.phase = AMQP_PHASE_METHOD;
	r->said_empty = false;
	r->check_ms = 0;
	r->passed_over = false;
	r->silent_since_ms = 0;
	r->idle_ms = clock_mono_ms();
	endpoint_amqp_works(&r->a);
}

/* Drops all messages, including an incomplete one. */
static void
ready_clear(struct amqp_reader *r)
{
	size_t i;

	for (i = 0; i < r->ready.max; i++)
		message_release(&r->ready.ring[i]);
	r->ready.head = r->ready.n = r->ready.bytes = 0;
	r->ready.phase = AMQP_PHASE_METHOD;
}

static bool
take_method(struct amqp_reader *r, const amqp_method_t *method)
{
	const amqp_basic_deliver_t *d = method->decoded;
	struct amqp_message *m = arriving(r);

	if (method->id == AMQP_BASIC_CANCEL_METHOD)
		endpoint_amqp_gone(&r->a);
	if (method->id != AMQP_BASIC_DELIVER_METHOD)
		return true;
	if (r->ready.n == r->ready.max)
		return false;
	m->tag = d->delivery_tag;
	m->redelivered = d->redelivered != 0;
	if (r->whole) {
		m->key = xstrndup(d->routing_key.bytes, d->routing_key.len);
		m->key_len = d->routing_key.len;
	}
	r->ready.phase = AMQP_PHASE_HEADER;
	return true;
}

/* Returns its id, owned; NULL if it has no usable id. All messages with an
 * empty id would count as one message, and control characters would break lines
 * in files and logs. */
static char *
message_id_of(const amqp_basic_properties_t *p)
{
	const unsigned char *id = p->message_id.bytes;
	size_t i;

	if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) == 0 ||
	    p->message_id.len == 0)
		return NULL;
	for (i = 0; i < p->message_id.len; i++)
		if (id[i] < ' ' || id[i] == 127)
			return NULL;
	return xstrndup(p->message_id.bytes, p->message_id.len);
}

/* Returns where to send answers, owned; NULL if nowhere. */
static char *
reply_to_of(const amqp_basic_properties_t *p)
{
	if ((p->_flags & AMQP_BASIC_REPLY_TO_FLAG) == 0 ||
	    !amqp_reply_is_address(p->reply_to.bytes, p->reply_to.len))
		return NULL;
	return xstrndup(p->reply_to.bytes, p->reply_to.len);
}

/* Allocates space for the body and a newline, which it may lack. */
static void
start_body(struct amqp_reader *r, const amqp_frame_t *f)
{
	uint64_t size = f->payload.properties.body_size;
	struct amqp_message *m = arriving(r);
	size_t room;

	m->id = message_id_of(f->payload.properties.decoded);
	m->reply_to = reply_to_of(f->payload.properties.decoded);
	m->too_long = size > MESSAGE_MAX;
	m->size = (size_t)size;
	room = m->too_long ? 0 : m->size;
	m->data = xmalloc(room + 1 + LINES_BEHIND);
	memset(m->data + room, 0, 1 + LINES_BEHIND);
	r->ready.phase = AMQP_PHASE_BODY;
	if (size == 0)
		message_is_complete(r);
}

static bool
add_body(struct amqp_reader *r, const amqp_frame_t *f)
{
	amqp_bytes_t part = f->payload.body_fragment;
	struct amqp_message *m = arriving(r);

	if (part.len > m->size - m->len)
		return false;
	if (!m->too_long)
		memcpy(m->data + m->len, part.bytes, part.len);
	m->len += part.len;
	if (m->len == m->size)
		message_is_complete(r);
	return true;
}

/* Takes a frame: a method, the header or a part of a message. Returns false if
 * it is out of order, or if the ring is full. */
static bool
reader_take_frame(struct amqp_reader *r, const amqp_frame_t *f)
{
	if (f->frame_type == AMQP_FRAME_METHOD)
		return r->ready.phase == AMQP_PHASE_METHOD &&
		       take_method(r, &f->payload.method);
	if (f->frame_type == AMQP_FRAME_BODY)
		return r->ready.phase == AMQP_PHASE_BODY && add_body(r, f);
	if (f->frame_type != AMQP_FRAME_HEADER ||
	    r->ready.phase != AMQP_PHASE_HEADER)
		return false;
	start_body(r, f);
	return true;
}

static bool
is_returned(const struct amqp_reader *r)
{
	return r->now.at >= r->now.message.size;
}

/* Returns the next line; the message must have one. */
static enum endpoint_status
next_line(struct amqp_reader *r, char **line, size_t *len)
{
	struct amqp_message *m = &r->now.message;
	char *from = m->data + r->now.at, *nl;

	nl = memchr(from, '\n', m->size - r->now.at);
	*line = from;
	*len = nl != NULL ? (size_t)(nl - from) : m->size - r->now.at;
	r->now.at += *len + (nl != NULL);
	from[*len] = '\0';
	r->now.line++;
	return *len > r->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

static enum endpoint_status
next_block(struct amqp_reader *r, char **block, size_t *len)
{
	struct amqp_message *m = &r->now.message;
	char *from = m->data + r->now.at;
	size_t n;

	if (m->data[m->size - 1] != '\n')
		m->data[m->size++] = '\n';
	n = lines_within(from, m->size - r->now.at, r->max_line);
	if (n == 0)
		return next_line(r, block, len);
	*block = from;
	*len = n;
	r->now.at += n;
	r->now.line += lines_count(from, n);
	return ENDPOINT_RECORD;
}

/* The link is lost, and with it every unacknowledged delivery. Returns -1. */
static int
reader_lost(struct amqp_reader *r)
{
	ready_clear(r);
	/* The caller may still use its line. */
	r->stale = r->now.message.data != NULL;
	r->done.connection++;
	r->done.tag = r->done.messages = 0;
	r->acked = r->done;
	r->said_empty = false;
	endpoint_amqp_lost(&r->a);
	return -1;
}

static struct endpoint_mark
reader_mark(const struct endpoint *e)
{
	return const_reader_of(e)->done;
}

static void
reader_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	struct amqp_reader *r = reader_of(e);
	struct amqp_link *l = &r->a.link;

	if (l->conn == NULL || mark->connection != r->done.connection ||
	    mark->tag <= r->acked.tag)
		return;
	/* Commit point: the broker deletes the returned messages. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, mark->tag, 1)) !=
	    0) {
		(void)reader_lost(r);
		return;
	}
	r->acked = *mark;
}

/* Waits until the leader of a quorum queue has processed all requests so
 * far. */
static bool
leader_has_all(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;

	return amqp_declare_probe(l, r->a.queue, true) == OUTCOME_DONE &&
	       amqp_declare_probe(l, r->a.queue, false) == OUTCOME_DONE;
}

static bool
wait_for_leader(struct amqp_reader *r)
{
	if (!leader_has_all(r))
		(void)reader_lost(r);
	return r->a.link.conn != NULL;
}

bool
endpoint_ack_only(
    struct endpoint *e, const struct endpoint_mark *marks, size_t n)
{
	struct amqp_reader *r = reader_of(e);
	struct amqp_link *l = &r->a.link;
	size_t i = 0, sent = 0;

	if (e->ops != &reader_ops || n == 0)
		return true;
	/* A single acknowledgement is enough if there is no gap. */
	while (i < n && marks[i].tag == r->acked.tag + i + 1)
		i++;
	if (i > 0)
		reader_ack_to(e, &marks[i - 1]);
	for (; i < n; i++) {
		if (marks[i].connection != r->done.connection)
			return false;
		/* Commit point: the broker deletes this message. */
		if (amqp_link_check(l, "acknowledge",
			amqp_basic_ack(
			    l->conn, AMQP_LINK_CHANNEL, marks[i].tag, 0)) != 0)
			(void)reader_lost(r);
		if (l->conn == NULL ||
		    (++sent % ACKS_AT_ONCE == 0 && !wait_for_leader(r)))
			return false;
	}
	return marks[0].connection == r->done.connection && wait_for_leader(r);
}

void
endpoint_ack_one(struct endpoint *e, const struct endpoint_mark *mark)
{
	struct amqp_reader *r = reader_of(e);
	struct amqp_link *l = &r->a.link;

	if (e->ops != &reader_ops || l->conn == NULL ||
	    mark->connection != r->done.connection)
		return;
	/* Commit point: the broker deletes this message. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, mark->tag, 0)) != 0)
		(void)reader_lost(r);
	else
		r->acked.messages++;
}

static enum outcome
consume(struct amqp_endpoint *a)
{
	amqp_table_t none = { 0, NULL };
	struct amqp_reader *r = reader_of(&a->base);
	struct amqp_link *l = &a->link;
	char *what;
	int status;

	amqp_basic_qos(l->conn, AMQP_LINK_CHANNEL, 0, r->prefetch, 0);
	if (amqp_link_check_reply(
		l, "limit deliveries", amqp_get_rpc_reply(l->conn)) != 0)
		return l->outcome;
	amqp_basic_consume(l->conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(a->queue), amqp_cstring_bytes(CONSUMER), 0, 0, 0,
	    none);
	what = xasprintf("read queue '%s'", a->queue);
	status = amqp_link_check_reply(l, what, amqp_get_rpc_reply(l->conn));
	free(what);
	return status == 0 ? OUTCOME_DONE : l->outcome;
}

static enum outcome
reader_set_up(struct amqp_endpoint *a)
{
	struct amqp_reader *r = reader_of(&a->base);
	struct amqp_queue_load load = { 0, 0 };
	enum outcome o = OUTCOME_DONE;

	if (r->a.present)
		o = amqp_declare_load(&a->link, a->queue, &load);
	r->present = load.messages;
	if (o == OUTCOME_DONE)
		o = consume(a);
	if (o != OUTCOME_DONE)
		return o;
	r->passed_over = false;
	r->idle_ms = clock_mono_ms();
	endpoint_amqp_reached(a);
	return OUTCOME_DONE;
}

/* Reads the available frames; waits for the first one. Returns -1 if the link
 * is lost. */
static int
receive_frames(struct amqp_reader *r, int wait_ms)
{
	struct amqp_link *l = &r->a.link;
	amqp_frame_t f;
	int got = 0;

	amqp_reply_serve(&r->reply);
	while (r->ready.n < r->ready.max &&
	       (got = amqp_link_frame(l, &f, wait_ms)) > 0) {
		if (!reader_take_frame(r, &f))
			amqp_link_drop(
			    l, "%s sends frames out of order", l->title);
		/* Checked last, because reading a frame also serves the
		 * heartbeat. */
		if (r->ready.bytes >= READY_BYTES)
			break;
		/* Wait for the rest of a message, but only once. */
		wait_ms = r->ready.n == 0 && wait_ms > 0 ? 1 : 0;
	}
	return l->conn == NULL || got < 0 ? reader_lost(r) : 0;
}

static void
finish_message(struct amqp_reader *r)
{
	if (!r->stale) {
		r->done.tag = r->now.message.tag;
		r->done.messages++;
	}
}

/* Returns the next line of the current message, or a block of lines, which ends
 * before a line that is too long, or the whole body: RECORD or TOOLONG. EMPTY:
 * nothing is left of it. */
static enum endpoint_status
next_part(struct amqp_reader *r, bool blocks, char **part, size_t *len)
{
	struct amqp_message *m = &r->now.message;
	enum endpoint_status status;

	/* A message that is read as a whole is one line even if it is empty. */
	if (m->data == NULL ||
	    (is_returned(r) && (!r->whole || r->now.line > 0)))
		return ENDPOINT_EMPTY;
	r->a.base.refusal = NULL;
	if (r->whole || m->too_long) {
		r->a.base.refusal = "the message is too long";
		*part = m->data;
		*len = r->now.at = m->size;
		r->now.line++;
		status = m->too_long || *len > r->max_line ? ENDPOINT_TOOLONG
							   : ENDPOINT_RECORD;
	} else if (blocks) {
		status = next_block(r, part, len);
	} else {
		status = next_line(r, part, len);
	}
	if (is_returned(r))
		finish_message(r);
	return status;
}

/* Makes the next message the current one; false if there is none. */
static bool
next_message(struct amqp_reader *r)
{
	struct amqp_message *first = &r->ready.ring[r->ready.head];

	message_release(&r->now.message);
	r->stale = false;
	if (r->ready.n == 0)
		return false;
	r->now.message = *first;
	memset(first, 0, sizeof *first);
	r->ready.head = (r->ready.head + 1) % r->ready.max;
	r->ready.n--;
	r->ready.bytes -= r->now.message.len;
	r->now.at = 0;
	r->now.line = 0;
	if (r->now.message.size == 0 && !r->whole)
		finish_message(r); /* empty, but to be acknowledged */
	return true;
}

/* True if the broker may send nothing until messages are acknowledged. */
static bool
is_starved(const struct amqp_reader *r)
{
	return r->prefetch > 0 &&
	       r->done.messages - r->acked.messages >= r->prefetch;
}

/* Call when all lines have been returned: true if the queue was empty at two
 * checks in a row. A count without even our own consumer is not valid
 * (amqp_declare_load()). */
static bool
is_empty(struct amqp_reader *r)
{
	struct amqp_queue_load load;
	bool empty;

	if (clock_mono_ms() < r->check_ms)
		return false;
	if (endpoint_amqp_look(&r->a, &load) != OUTCOME_DONE) {
		(void)reader_lost(r);
		return false;
	}
	if (load.readers > 0 || r->counted_ms == 0)
		r->counted_ms = clock_mono_ms();
	if (!r->a.wait_forever &&
	    clock_mono_ms() - r->counted_ms >= r->a.timeout_ms) {
		endpoint_amqp_uncounted(&r->a);
		amqp_link_set_never(&r->a.link, PROG_TEMPFAIL);
		(void)reader_lost(r);
		return false;
	}
	/* A message in transit may have arrived before the answer. */
	empty = load.messages == 0 && load.readers > 0 &&
		!amqp_frames_enqueued(r->a.link.conn);
	if (empty && r->said_empty)
		return true;
	r->said_empty = empty;
	r->check_ms = clock_mono_ms() + QUIET_MS;
	return false;
}

/* The queue has lost its consumer, or will never send its messages. A caller
 * with a time-out gives up; otherwise it would retry forever. */
static void
drop_overlooked(struct amqp_reader *r, const struct amqp_queue_load *load)
{
	struct amqp_link *l = &r->a.link;
	int64_t now = clock_mono_ms();

	if (r->silent_since_ms == 0)
		r->silent_since_ms = now;
	if (load->messages == 0 || r->a.wait_forever ||
	    now - r->silent_since_ms < r->a.timeout_ms) {
		amqp_link_drop(l, "the queue '%s' at %s was deleted or moved",
		    r->a.queue, l->title);
		return;
	}
	amqp_link_drop(l,
	    "the queue '%s' at %s sends none of its %u messages; stop its "
	    "other consumer",
	    r->a.queue, l->title, (unsigned)load->messages);
	amqp_link_set_never(l, PROG_TEMPFAIL);
}

/* Called when nothing has arrived for a while. Returns true if the link was
 * dropped: two checks in a row found no consumer, or messages that were not
 * sent. One is not enough: a queue that looks for a leader, or is slow, reports
 * no consumer, either. */
static bool
is_overlooked(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;
	struct amqp_queue_load load = { 0, 0 };
	int64_t now = clock_mono_ms();

	if (l->conn == NULL || r->done.messages != r->acked.messages ||
	    now - r->idle_ms < IDLE_LOOK_MS)
		return false;
	r->idle_ms = now;
	if (endpoint_amqp_look(&r->a, &load) == OUTCOME_DONE &&
	    (!r->passed_over || (load.readers > 0 && load.messages == 0))) {
		r->passed_over = load.readers == 0 || load.messages > 0;
		return false;
	}
	if (l->conn != NULL)
		drop_overlooked(r, &load);
	(void)reader_lost(r);
	return true;
}

/* While a cluster is divided, each side may have a reader with a lock; when it
 * is whole again, the broker keeps both readers and one lock. Drops the link of
 * the reader without it. Only daemons look: the response comes after everything
 * that the broker has sent, which may be a whole queue of dead letters. */
static void
look_at_lock(struct amqp_reader *r)
{
	if (r->a.sole && r->a.wait_forever && r->a.link.conn != NULL &&
	    clock_mono_ms() - r->a.held_ms >= LOCK_LOOK_MS &&
	    endpoint_amqp_hold(&r->a) != OUTCOME_DONE)
		(void)reader_lost(r);
}

/* One step of waiting. RECORD: look again for messages. */
static enum endpoint_status
wait_for_more(struct amqp_reader *r, int wait_ms)
{
	switch (endpoint_amqp_connect(&r->a, wait_ms)) {
	case OUTCOME_NEVER:
		return ENDPOINT_FAILED;
	case OUTCOME_LATER:
		return endpoint_amqp_gives_up(&r->a) ? ENDPOINT_FAILED
						     : ENDPOINT_RECORD;
	case OUTCOME_DONE:
		break;
	}
	look_at_lock(r);
	if (r->a.link.conn == NULL)
		return ENDPOINT_RECORD;
	if (r->until_empty) { /* at most until the next check of the queue */
		int64_t left = r->check_ms - clock_mono_ms();

		if (left < wait_ms)
			wait_ms = left > 0 ? (int)left : 0;
	}
	if (receive_frames(r, wait_ms) != 0)
		return r->a.link.outcome == OUTCOME_NEVER ? ENDPOINT_FAILED
							  : ENDPOINT_RECORD;
	if (r->ready.n > 0 || r->ready.phase != AMQP_PHASE_METHOD)
		return ENDPOINT_RECORD;
	if (r->until_empty && is_empty(r))
		return ENDPOINT_EMPTY;
	(void)is_overlooked(r);
	return r->a.link.conn == NULL && r->a.link.outcome == OUTCOME_NEVER
		   ? ENDPOINT_FAILED
		   : ENDPOINT_RECORD;
}

static enum endpoint_status
reader_read(
    struct endpoint *e, bool blocks, char **part, size_t *len, int timeout_ms)
{
	struct amqp_reader *r = reader_of(e);
	int64_t end = -1, left;
	enum endpoint_status status;

	for (;;) {
		status =
		    r->stale ? ENDPOINT_EMPTY : next_part(r, blocks, part, len);
		if (status != ENDPOINT_EMPTY)
			return status;
		if (r->a.present && r->a.link.conn != NULL &&
		    r->done.messages >= r->present)
			return ENDPOINT_EMPTY;
		if (next_message(r))
			continue;
		if (is_starved(r) && r->reads_all) {
			log_warn("the queue '%s' at %s has more than %d "
				 "messages; the rest was not read, because "
				 "this mode acknowledges only at its end",
			    r->a.queue, r->a.link.title, PREFETCH_MAX);
			return ENDPOINT_EMPTY;
		}
		if (end < 0)
			end = clock_mono_ms() + timeout_ms;
		left = timeout_ms < 0 ? AMQP_SLICE_MS : end - clock_mono_ms();
		if (left < 0 || stop_asked() || is_starved(r))
			return ENDPOINT_WAIT;
		status = wait_for_more(
		    r, (int)(left < AMQP_SLICE_MS ? left : AMQP_SLICE_MS));
		if (status != ENDPOINT_RECORD)
			return status;
		if (left == 0 && r->ready.n == 0)
			return ENDPOINT_WAIT;
	}
}

static void
reader_pump(struct endpoint *e)
{
	struct amqp_reader *r = reader_of(e);

	look_at_lock(r);
	if (r->a.link.conn != NULL)
		(void)receive_frames(r, 0);
}

static void
reader_where(const struct endpoint *e, uint64_t behind, struct buf *where)
{
	const struct amqp_reader *r = const_reader_of(e);

	buf_addf(where, "message %s",
	    r->now.message.id != NULL ? r->now.message.id : "without id");
	if (r->now.message.key != NULL)
		buf_addf(where, " key %s", r->now.message.key);
	else
		buf_addf(where, " line %llu",
		    (unsigned long long)(r->now.line - behind));
}

const char *
endpoint_routing_key(const struct endpoint *e, size_t *len)
{
	const struct amqp_reader *r = const_reader_of(e);
	bool whole = e->ops == &reader_ops && r->whole;

	*len = whole ? r->now.message.key_len : 0;
	return whole ? r->now.message.key : NULL;
}

const char *
endpoint_reply_to(const struct endpoint *e)
{
	return e->ops == &reader_ops ? const_reader_of(e)->now.message.reply_to
				     : NULL;
}

bool
endpoint_is_redelivered(const struct endpoint *e)
{
	return e->ops == &reader_ops &&
	       const_reader_of(e)->now.message.redelivered;
}

void
endpoint_reply(
    struct endpoint *e, const char *reply_to, const char *text, size_t len)
{
	struct amqp_reader *r = reader_of(e);

	if (e->ops == &reader_ops)
		amqp_reply_send(&r->reply, reply_to, text, len);
}

bool
endpoint_ends_message(const struct endpoint *e)
{
	return e->ops == &reader_ops && is_returned(const_reader_of(e));
}

void
endpoint_set_until_empty(struct endpoint *e, bool until_empty)
{
	struct amqp_reader *r = reader_of(e);

	if (e->ops != &reader_ops)
		return;
	if (until_empty && !r->until_empty)
		r->said_empty = false;
	r->until_empty = until_empty;
}

/* Waits until the leader of a quorum queue has the acknowledgements that were
 * sent, because closing a channel discards those that it held back while the
 * leader was slow. The queue of a sole reader refuses a probe beside its
 * consumer, so the consumer is removed first; it keeps the messages that it
 * has. */
static void
end_consumer(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;

	if (l->conn == NULL || r->acked.messages == 0 || l->blocked ||
	    amqp_link_end(l) < LEADER_MS)
		return;
	(void)amqp_basic_cancel(
	    l->conn, AMQP_LINK_CHANNEL, amqp_cstring_bytes(CONSUMER));
	if (amqp_link_check_reply(
		l, "stop reading a queue", amqp_get_rpc_reply(l->conn)) == 0 &&
	    amqp_link_end(l) >= LEADER_MS)
		(void)leader_has_all(r);
}

static void
reader_close(struct endpoint *e)
{
	struct amqp_reader *r = reader_of(e);

	end_consumer(r);
	amqp_reply_release(&r->reply);
	endpoint_amqp_release(&r->a);
	ready_clear(r);
	free(r->ready.ring);
	message_release(&r->now.message);
	free(r);
}

static const struct endpoint_ops reader_ops = {
	.read = reader_read,
	.mark = reader_mark,
	.ack_to = reader_ack_to,
	.pump = reader_pump,
	.where = reader_where,
	.is_up = endpoint_amqp_op_is_up,
	.close = reader_close,
};

struct endpoint *
endpoint_amqp_open_read(const char *queue, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct amqp_reader *r = xcalloc(1, sizeof *r);

	if (endpoint_amqp_init(&r->a, queue, false, opt, why, code) != 0) {
		free(r);
		return NULL;
	}
	r->a.base.ops = &reader_ops;
	r->a.set_up = reader_set_up;
	r->reply.conf = opt->conf;
	r->max_line = opt->max_line != 0 ? opt->max_line : RECORD_MAX_LINE;
	r->prefetch = (uint16_t)conf_int(opt->conf, "amqp", "prefetch");
	r->reads_all = opt->prefetch > PREFETCH_MAX;
	if (r->reads_all)
		r->prefetch = opt->exchange != NULL ? 0 : PREFETCH_MAX;
	else if (opt->prefetch != 0)
		r->prefetch = (uint16_t)opt->prefetch;
	/* Other consumers may have received some of the counted messages. */
	r->until_empty = opt->until_empty || opt->present;
	r->whole = opt->exchange != NULL;
	/* One more than the maximum number that can arrive, so it is never
	 * full. */
	r->ready.max = r->prefetch > 0 && r->prefetch < READY_MAX
			   ? r->prefetch + (size_t)1
			   : READY_MAX;
	r->ready.ring = xcalloc(r->ready.max, sizeof *r->ready.ring);
	return endpoint_amqp_first(&r->a, why, code);
}
