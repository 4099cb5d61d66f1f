/*
 * endpoint_amqp_read: the reading end of a queue.
 *
 * The broker sends messages ahead of their acknowledgement, at most [amqp]
 * prefetch of them; they wait in `ready`, in order. `now` is the message whose
 * lines are being returned. There is only one consumer, because with several
 * the broker would requeue the messages from a lost connection out of order.
 *
 * Guarantee: endpoint_ack() acknowledges a message only after its last line has
 * been returned. If the link goes down, all unacknowledged messages are dropped
 * here, because the broker sends them again; delivery tags of the old
 * connection are never used on a new one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/amqp/amqp_message.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/endpoint_amqp.h"
#include "common/os/lines.h"
#include "common/os/stop.h"
#include "common/records/record.h"

/* The current message, and how many of its lines have been returned. */
struct amqp_cursor {
	size_t max_line;
	bool whole; /* each message is one line, whatever its content */

	bool in_hand; /* there is a current message */
	struct amqp_message message;
	size_t at;           /* end of the lines returned so far */
	uint64_t line;       /* number of the last line returned */
	const char *refusal; /* of the last TOOLONG; NULL: the line is too
			      * long */
};

/* Callers serve their links between two blocks. */
#define BLOCK_BYTES (64 * 1024)

/* Makes m the current message, which the cursor then owns; there must be no
 * current message. */
static void
cursor_take(struct amqp_cursor *c, struct amqp_message m)
{
	c->message = m;
	c->in_hand = true;
	c->at = 0;
	c->line = 0;
}

static void
cursor_release(struct amqp_cursor *c)
{
	amqp_message_release(&c->message);
	c->in_hand = false;
}

static bool
cursor_is_done(const struct amqp_cursor *c)
{
	return c->at >= c->message.size;
}

/* Returns the next line; the message must have one. */
static enum endpoint_status
next_line(struct amqp_cursor *c, char **line, size_t *len)
{
	struct amqp_message *m = &c->message;
	char *from = m->data + c->at, *nl;

	nl = memchr(from, '\n', m->size - c->at);
	*line = from;
	*len = nl != NULL ? (size_t)(nl - from) : m->size - c->at;
	c->at += *len + (nl != NULL);
	from[*len] = '\0';
	c->line++;
	return *len > c->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

static enum endpoint_status
next_block(struct amqp_cursor *c, char **block, size_t *len)
{
	struct amqp_message *m = &c->message;
	char *from = m->data + c->at;
	size_t n;

	if (m->data[m->size - 1] != '\n')
		m->data[m->size++] = '\n';
	n = lines_of(from, m->size - c->at, BLOCK_BYTES);
	n = lines_within(from, n, c->max_line);
	if (n == 0)
		return next_line(c, block, len);
	*block = from;
	*len = n;
	c->at += n;
	c->line += lines_count(from, n);
	return ENDPOINT_RECORD;
}

/* Returns the whole body as one line. */
static enum endpoint_status
next_whole(struct amqp_cursor *c, char **line, size_t *len)
{
	*line = c->message.data;
	*len = c->at = c->message.size;
	c->line++;
	c->refusal = "the message is too long";
	return *len > c->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

/* Returns the next line (lines), or the next block of lines, which ends at a
 * certain size or before a line that is too long; *status is RECORD or TOOLONG.
 * False if nothing is left. */
static bool
cursor_next(struct amqp_cursor *c, bool lines, char **part, size_t *len,
    enum endpoint_status *status)
{
	/* A message that is read as a whole is one line even if it is empty. */
	if (!c->in_hand || (cursor_is_done(c) && (!c->whole || c->line > 0)))
		return false;
	c->refusal = c->message.too_long ? "the message is too long" : NULL;
	if (c->refusal != NULL) {
		c->line++;
		c->at = c->message.size;
		*status = ENDPOINT_TOOLONG;
	} else if (c->whole) {
		*status = next_whole(c, part, len);
	} else if (lines) {
		*status = next_line(c, part, len);
	} else {
		*status = next_block(c, part, len);
	}
	return true;
}

struct amqp_reader {
	struct amqp_endpoint a;
	uint16_t prefetch; /* 0: no limit */
	bool reads_all;    /* nothing is acknowledged before the end */
	bool until_empty;
	bool present_only; /* only messages that were waiting when it
			    * connected */
	uint32_t present;  /* number of these messages */

	struct amqp_inflow ready;

	struct amqp_cursor now;
	bool stale; /* its connection broke: the next read frees it */

	/* Of this connection. */
	struct endpoint_mark done;  /* complete messages returned so far */
	struct endpoint_mark acked; /* those of them that have been
				     * acknowledged */
	bool said_empty;            /* the last check of the queue found it
				     * empty */
	int64_t check_ms;           /* time of the next check */

	bool passed_over; /* messages were waiting at the last idle check */
	int64_t idle_ms;  /* since when nothing has arrived; or the last
			   * check */

	/* Since when links are dropped because messages are available but none
	 * arrives; 0: a message arrived. */
	int64_t silent_since_ms;
};

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

/* While 32 acknowledgements are in transit to a quorum queue, a channel holds
 * further ones back, and discards them when it is closed. */
#define ACKS_AT_ONCE 25

/* The link is lost, and with it every unacknowledged delivery. */
static void
drop_unacknowledged(struct amqp_reader *r)
{
	amqp_inflow_clear(&r->ready);
	/* The caller may still use its line. */
	r->stale = r->now.in_hand;
	r->done.connection++;
	r->done.tag = r->done.messages = 0;
	r->acked = r->done;
	r->said_empty = false;
}

/* The link is lost, and with it everything unacknowledged. Returns
 * -1. */
static int
reader_lost(struct amqp_reader *r)
{
	drop_unacknowledged(r);
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

/* Acknowledges one message. Returns 0, or -1 if the link is lost. */
static int
ack_alone(struct amqp_reader *r, uint64_t tag)
{
	struct amqp_link *l = &r->a.link;

	/* Commit point: the broker deletes this message. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, tag, 0)) == 0)
		return 0;
	return reader_lost(r);
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

static bool
reader_ack_only(struct endpoint *e, const struct endpoint_mark *marks, size_t n)
{
	struct amqp_reader *r = reader_of(e);
	size_t i = 0, sent = 0;

	if (n == 0)
		return true;
	/* A single acknowledgement is enough if there is no gap. */
	while (i < n && marks[i].tag == r->acked.tag + i + 1)
		i++;
	if (i > 0)
		reader_ack_to(e, &marks[i - 1]);
	for (; i < n; i++) {
		if (marks[i].connection != r->done.connection ||
		    ack_alone(r, marks[i].tag) != 0 ||
		    (++sent % ACKS_AT_ONCE == 0 && !wait_for_leader(r)))
			return false;
	}
	return marks[0].connection == r->done.connection && wait_for_leader(r);
}

/* A queue counts as empty if the broker reports this twice with this pause in
 * between, and sends nothing meanwhile: its count does not include messages in
 * transit. */
#define QUIET_MS 50

/* How often an idle reader checks that the broker still has its consumer:
 * RabbitMQ can silently lose one if its queue is deleted and at once created
 * again. */
#define IDLE_LOOK_MS 5000

/* The maximum number of messages that are kept here, and the number of bytes
 * from which on only one frame is read at a time; further messages stay in the
 * socket. */
#define READY_MAX 32768
#define READY_BYTES (16 * 1024 * 1024)
#define PREFETCH_MAX 65535

/* The longest message that is read, which RabbitMQ 4 does not exceed by
 * default. Our own are shorter: a dead letter with an escaped record of 1 MiB
 * has 8 MiB. */
#define MESSAGE_MAX ((size_t)16 * 1024 * 1024)

#define CONSUMER "lines" /* its tag */

/* If there is less time for closing, a reader does not wait for the leader of a
 * queue but closes properly; messages whose acknowledgement has not reached the
 * leader are delivered again. */
#define LEADER_MS 1000

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

/* The consumer receives no more messages, but keeps those that it has. */
static enum outcome
retire_consumer(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;

	(void)amqp_basic_cancel(
	    l->conn, AMQP_LINK_CHANNEL, amqp_cstring_bytes(CONSUMER));
	if (amqp_link_check_reply(
		l, "stop reading a queue", amqp_get_rpc_reply(l->conn)) != 0)
		return l->outcome;
	return OUTCOME_DONE;
}

static enum outcome
reader_set_up(struct amqp_endpoint *a)
{
	struct amqp_reader *r = reader_of(&a->base);
	struct amqp_queue_load load = { 0, 0 };
	enum outcome o = OUTCOME_DONE;

	if (r->present_only)
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

/* Called when a message is complete. */
static void
on_message(struct amqp_reader *r)
{
	r->said_empty = false;
	r->check_ms = 0;
	r->passed_over = false;
	r->silent_since_ms = 0;
	r->idle_ms = clock_mono_ms();
	endpoint_amqp_works(&r->a);
}

static bool
reader_take_frame(struct amqp_reader *r, const amqp_frame_t *f)
{
	bool whole;

	if (!amqp_inflow_take(&r->ready, f, &whole))
		return false;
	if (whole)
		on_message(r);
	if (f->frame_type == AMQP_FRAME_METHOD &&
	    f->payload.method.id == AMQP_BASIC_CANCEL_METHOD)
		endpoint_amqp_gone(&r->a);
	return true;
}

/* Reads the available frames; waits for the first one. Returns -1 if the link
 * is lost. */
static int
receive_frames(struct amqp_reader *r, int wait_ms)
{
	struct amqp_link *l = &r->a.link;
	amqp_frame_t f;
	int got = 0;

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

/* Returns the next line or block of the current message; false if there is
 * none. */
static bool
next_part(struct amqp_reader *r, bool lines, char **part, size_t *len,
    enum endpoint_status *status)
{
	if (!cursor_next(&r->now, lines, part, len, status))
		return false;
	r->a.base.refusal = r->now.refusal;
	if (cursor_is_done(&r->now))
		finish_message(r);
	return true;
}

/* Makes the next message the current one; false if there is none. */
static bool
next_message(struct amqp_reader *r)
{
	cursor_release(&r->now);
	r->stale = false;
	if (r->ready.n == 0)
		return false;
	cursor_take(&r->now, amqp_inflow_next(&r->ready));
	if (r->now.message.size == 0 && !r->now.whole)
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
	l->outcome = OUTCOME_NEVER;
}

/* Called when nothing has arrived for a while. Returns true if the link was
 * dropped: the queue has no consumer, or two checks in a row found messages in
 * it that were not sent. */
static bool
is_overlooked(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;
	struct amqp_queue_load load = { 0, 0 };
	int64_t now = clock_mono_ms();

	if (l->conn == NULL || r->done.tag != r->acked.tag ||
	    now - r->idle_ms < IDLE_LOOK_MS)
		return false;
	r->idle_ms = now;
	if (endpoint_amqp_look(&r->a, &load) == OUTCOME_DONE &&
	    load.readers != 0 && (load.messages == 0 || !r->passed_over)) {
		r->passed_over = load.messages != 0;
		return false;
	}
	if (l->conn != NULL)
		drop_overlooked(r, &load);
	(void)reader_lost(r);
	return true;
}

/* Returns wait_ms, or the time until the next check of the queue if that is
 * shorter. */
static int
before_check(const struct amqp_reader *r, int wait_ms)
{
	int64_t left = r->check_ms - clock_mono_ms();

	if (left <= 0)
		return 0;
	return left < wait_ms ? (int)left : wait_ms;
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
	if (receive_frames(
		r, r->until_empty ? before_check(r, wait_ms) : wait_ms) != 0)
		return r->a.link.outcome == OUTCOME_NEVER ? ENDPOINT_FAILED
							  : ENDPOINT_RECORD;
	if (r->ready.n > 0 || r->ready.phase != AMQP_PHASE_METHOD)
		return ENDPOINT_RECORD;
	if (r->until_empty && is_empty(r))
		return ENDPOINT_EMPTY;
	return is_overlooked(r) && r->a.link.outcome == OUTCOME_NEVER
		   ? ENDPOINT_FAILED
		   : ENDPOINT_RECORD;
}

static void
warn_rest_is_left(const struct amqp_reader *r)
{
	log_warn("the queue '%s' at %s has more than %d messages; the rest was "
		 "not read, because this mode acknowledges only at its end",
	    r->a.queue, r->a.link.title, PREFETCH_MAX);
}

static enum endpoint_status
reader_next(
    struct amqp_reader *r, bool lines, char **part, size_t *len, int timeout_ms)
{
	int64_t end = -1, left;
	enum endpoint_status status;

	for (;;) {
		if (!r->stale && next_part(r, lines, part, len, &status))
			return status;
		if (r->present_only && r->a.link.conn != NULL &&
		    r->done.messages >= r->present)
			return ENDPOINT_EMPTY;
		if (next_message(r))
			continue;
		if (is_starved(r) && r->reads_all) {
			warn_rest_is_left(r);
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

static enum endpoint_status
amqp_read(struct endpoint *e, char **line, size_t *len, int timeout_ms)
{
	return reader_next(reader_of(e), true, line, len, timeout_ms);
}

static enum endpoint_status
amqp_read_block(struct endpoint *e, char **block, size_t *len, int timeout_ms)
{
	return reader_next(reader_of(e), false, block, len, timeout_ms);
}

static void
reader_pump(struct endpoint *e)
{
	struct amqp_reader *r = reader_of(e);

	if (r->a.link.conn != NULL)
		(void)receive_frames(r, 0);
}

static void
amqp_where(const struct endpoint *e, uint64_t behind, struct buf *where)
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

static const char *
amqp_routing_key(const struct endpoint *e, size_t *len)
{
	const struct amqp_reader *r = const_reader_of(e);

	*len = r->now.message.key_len;
	return r->now.message.key;
}

static bool
amqp_ends_message(const struct endpoint *e)
{
	return cursor_is_done(&const_reader_of(e)->now);
}

static void
amqp_set_until_empty(struct endpoint *e, bool until_empty)
{
	struct amqp_reader *r = reader_of(e);

	if (until_empty && !r->until_empty)
		r->said_empty = false;
	r->until_empty = until_empty;
}

/* Waits until the leader of a quorum queue has the acknowledgements that were
 * sent, because closing a channel discards those that it held back while the
 * leader was slow. The queue of a sole reader refuses a probe beside its
 * consumer, so the consumer is removed first. */
static void
end_consumer(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;

	if (l->conn == NULL || r->acked.tag == 0 || l->blocked)
		return;
	if (amqp_link_end(l) >= LEADER_MS &&
	    retire_consumer(r) == OUTCOME_DONE && amqp_link_end(l) >= LEADER_MS)
		(void)leader_has_all(r);
}

static void
reader_close(struct endpoint *e)
{
	struct amqp_reader *r = reader_of(e);

	end_consumer(r);
	endpoint_amqp_release(&r->a);
	amqp_inflow_release(&r->ready);
	cursor_release(&r->now);
	free(r);
}

static const struct endpoint_ops ops = {
	.read = amqp_read,
	.read_block = amqp_read_block,
	.mark = reader_mark,
	.ack_to = reader_ack_to,
	.ack_only = reader_ack_only,
	.pump = reader_pump,
	.where = amqp_where,
	.ends_message = amqp_ends_message,
	.routing_key = amqp_routing_key,
	.set_until_empty = amqp_set_until_empty,
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
	r->a.base.ops = &ops;
	r->a.set_up = reader_set_up;
	r->now.max_line = opt->max_line != 0 ? opt->max_line : RECORD_MAX_LINE;
	r->prefetch = (uint16_t)conf_int(opt->conf, "amqp", "prefetch");
	r->reads_all = opt->prefetch > PREFETCH_MAX;
	if (r->reads_all)
		r->prefetch = opt->exchange != NULL ? 0 : PREFETCH_MAX;
	else if (opt->prefetch != 0)
		r->prefetch = (uint16_t)opt->prefetch;
	r->present_only = opt->present;
	/* Other consumers may have received some of the counted messages. */
	r->until_empty = opt->until_empty || opt->present;
	r->now.whole = opt->whole;
	/* One more than the maximum number that can arrive, so it is never
	 * full. */
	amqp_inflow_init(&r->ready, r->prefetch > 0 && r->prefetch < READY_MAX
					? r->prefetch + (size_t)1
					: READY_MAX);
	r->ready.max_message = MESSAGE_MAX;
	r->ready.with_keys = opt->whole;
	return endpoint_amqp_first(&r->a, why, code);
}
