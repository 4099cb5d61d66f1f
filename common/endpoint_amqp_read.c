/*
 * endpoint_amqp_read: the reading end of a queue.
 *
 * Messages come ahead of their acknowledgement, [amqp] prefetch of them at
 * most, and wait in `ready` in the order in which they came. `now` is the one
 * whose lines are being returned. Unless that was set, it depends on their
 * size: whoever publishes each record by itself must not have a batch end
 * after 100 of them. The broker cannot change the limit of a consumer, so a
 * second one brings the rest.
 *
 * Guarantee: a message is acknowledged by endpoint_amqp_ack() at the earliest
 * after its last line was returned. When the link goes down, everything that
 * was not acknowledged is forgotten here, because the broker sends it again;
 * delivery tags of the old connection are never used on a new one.
 */
#include "common/amqp_inflow.h"
#include "common/endpoint_amqp.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/lines.h"
#include "common/log.h"
#include "common/record.h"
#include "common/stop.h"
#include "common/xalloc.h"

/* A queue counts as empty when the broker says so twice, that far apart, and
 * sent nothing meanwhile: what is on its way to us is not in its count. */
#define QUIET_MS 50

/* A reader to whom nothing comes asks that often whether the broker still
 * knows it: RabbitMQ can lose a consumer without a word when its queue is
 * deleted and made anew by somebody else at once. */
#define IDLE_LOOK_MS 5000

/* How many messages wait here at most, and at how many bytes but one frame is
 * read at a time; the rest waits in the socket. */
#define READY_MAX 32768
#define READY_BYTES (16 * 1024 * 1024)
#define PREFETCH_MAX 65535

/* What suits large messages, and how many more of smaller ones: of up to that
 * many bytes on the average. Whoever gathers much before it acknowledges has
 * less to do for each; what must come again after a crash limits it. Bodies of
 * our own are medium (BODY_BYTES in endpoint_amqp_write.c), and so many hold
 * what a stream that is behind takes at once (aggregator/stream.c). */
#define PREFETCH 100
#define MEDIUM_MORE 2000
#define MEDIUM_BYTES (128 * 1024)
#define SMALL_MORE 20000
#define SMALL_BYTES 4096
#define MEAN_OF 16
#define BLOCK_BYTES (64 * 1024) /* between two, others are looked after */

struct reader {
	struct amqp_endpoint a;
	size_t max_line;
	uint16_t prefetch; /* 0: no limit */
	bool may_widen;    /* nobody set the limit */
	bool until_empty, whole;

	struct amqp_inflow ready;

	struct amqp_message now;
	bool have_now,
	    stale;     /* stale: forgotten, to be freed by the next read */
	size_t at;     /* how far its lines were returned */
	uint64_t line; /* number of the last one */

	/* Of this connection. */
	struct endpoint_mark done;  /* whole messages returned so far */
	struct endpoint_mark acked; /* of them, acknowledged */
	uint16_t more;              /* of smaller ones, above prefetch */
	uint64_t mean;    /* bytes of the last ones, as sent; times MEAN_OF */
	bool said_empty;  /* at the last look at the queue */
	int64_t check_ms; /* no look before */

	bool passed_over; /* messages waited at the last idle look */
	int64_t idle_ms;  /* since when nothing came; or of the last look */
};

static struct reader *
self(struct endpoint *e)
{
	return (struct reader *)(void *)e;
}

static const struct reader *
self_const(const struct endpoint *e)
{
	return (const struct reader *)(const void *)e;
}

/* The link is gone, and with it every delivery that was not acknowledged. */
static void
forget(struct reader *r)
{
	amqp_inflow_forget(&r->ready);
	/* The caller may still look at its line. */
	r->stale = r->have_now;
	r->done.connection++;
	r->done.tag = r->done.messages = 0;
	r->acked = r->done;
	r->more = 0;
	r->mean = 0;
	r->said_empty = false;
}

static int
lost(struct reader *r)
{
	forget(r);
	endpoint_amqp_lost(&r->a);
	return -1;
}

/* A consumer, to whom that many messages may be sent ahead. */
static enum outcome
consume(struct amqp_endpoint *a, uint16_t prefetch)
{
	amqp_table_t none = { 0, NULL };
	struct amqp_link *l = &a->link;

	amqp_basic_qos(l->conn, AMQP_LINK_CHANNEL, 0, prefetch, 0);
	if (amqp_link_check_reply(
		l, "limit deliveries", amqp_get_rpc_reply(l->conn)) != 0)
		return l->outcome;
	amqp_basic_consume(l->conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(a->queue), amqp_empty_bytes, 0, 0, 0, none);
	if (amqp_link_check_reply(
		l, "read a queue", amqp_get_rpc_reply(l->conn)) != 0)
		return l->outcome;
	return OUTCOME_DONE;
}

static enum outcome
set_up(struct amqp_endpoint *a)
{
	struct reader *r = self(&a->base);
	enum outcome o = consume(a, r->prefetch);

	if (o != OUTCOME_DONE)
		return o;
	r->passed_over = false;
	r->idle_ms = clock_mono_ms();
	endpoint_amqp_reached(a);
	return OUTCOME_DONE;
}

static struct endpoint *
open_read(const char *queue, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct reader *r = xcalloc(1, sizeof *r);
	size_t room;

	if (endpoint_amqp_init(&r->a, queue, false, opt, why, code) != 0) {
		free(r);
		return NULL;
	}
	r->a.set_up = set_up;
	r->max_line = opt->max_line != 0 ? opt->max_line : RECORD_MAX_LINE;
	r->prefetch = (uint16_t)conf_int(opt->conf, "amqp", "prefetch");
	r->may_widen = r->prefetch == 0 && opt->prefetch == 0;
	if (opt->prefetch != 0)
		r->prefetch =
		    opt->prefetch <= PREFETCH_MAX ? (uint16_t)opt->prefetch : 0;
	else if (r->prefetch == 0)
		r->prefetch = PREFETCH;
	r->until_empty = opt->until_empty;
	r->whole = opt->whole;
	/* One more than may come: then it is never full. */
	room = (size_t)r->prefetch + (r->may_widen ? SMALL_MORE : 0);
	amqp_inflow_init(
	    &r->ready, room > 0 && room < READY_MAX ? room + 1 : READY_MAX);
	r->ready.max_message =
	    (size_t)conf_int(opt->conf, "amqp", "max_message");
	r->ready.with_keys = opt->whole;
	return &r->a.base;
}

/* A message is whole. */
static void
arrived(struct reader *r)
{
	r->said_empty = false;
	r->check_ms = 0;
	r->passed_over = false;
	r->idle_ms = clock_mono_ms();
	endpoint_amqp_works(&r->a);
}

static bool
take_frame(struct reader *r, const amqp_frame_t *f)
{
	bool whole;

	if (!amqp_inflow_take(&r->ready, f, &whole))
		return false;
	if (whole)
		arrived(r);
	if (f->frame_type == AMQP_FRAME_METHOD &&
	    f->payload.method.id == AMQP_BASIC_CANCEL_METHOD)
		amqp_link_drop(&r->a.link,
		    "the queue '%s' at %s was deleted or moved", r->a.queue,
		    buf_str(&r->a.link.title));
	return true;
}

/* Takes what has come, waiting for the first of it. -1: the link is lost. */
static int
receive(struct reader *r, int wait_ms)
{
	struct amqp_link *l = &r->a.link;
	amqp_frame_t f;
	int got = 0;

	while (r->ready.n < r->ready.max &&
	       (got = amqp_link_frame(l, &f, wait_ms)) > 0) {
		if (!take_frame(r, &f))
			amqp_link_drop(l, "%s sends frames out of order",
			    buf_str(&l->title));
		/* Not before: who takes no frame hears no heartbeat. */
		if (r->ready.bytes >= READY_BYTES)
			break;
		/* The rest of a message may be waited for, but once. */
		wait_ms = r->ready.n == 0 && wait_ms > 0 ? 1 : 0;
	}
	return l->conn == NULL || got < 0 ? lost(r) : 0;
}

static void
finish_message(struct reader *r)
{
	if (!r->stale) {
		r->done.tag = r->now.tag;
		r->done.messages++;
		r->mean += r->now.len - r->mean / MEAN_OF;
	}
}

/* The next line of the message in hand, which has one. */
static enum endpoint_status
next_line(struct reader *r, char **line, size_t *len)
{
	struct amqp_message *m = &r->now;
	char *from = m->data + r->at, *nl;

	nl = memchr(from, '\n', m->size - r->at);
	*line = from;
	*len = nl != NULL ? (size_t)(nl - from) : m->size - r->at;
	r->at += *len + (nl != NULL);
	from[*len] = '\0';
	r->line++;
	return *len > r->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

/* As many lines of it as there are before one that is too long. */
static enum endpoint_status
next_block(struct reader *r, char **block, size_t *len)
{
	struct amqp_message *m = &r->now;
	char *from = m->data + r->at;
	size_t n;

	if (m->data[m->size - 1] != '\n')
		m->data[m->size++] = '\n';
	n = lines_of(from, m->size - r->at, BLOCK_BYTES);
	n = lines_within(from, n, r->max_line);
	if (n == 0)
		return next_line(r, block, len);
	*block = from;
	*len = n;
	r->at += n;
	r->line += lines_count(from, n);
	return ENDPOINT_RECORD;
}

/* All of it, as one line. */
static enum endpoint_status
next_whole(struct reader *r, char **line, size_t *len)
{
	*line = r->now.data;
	*len = r->at = r->now.size;
	r->line++;
	r->a.base.refusal = "the message is too long";
	return *len > r->max_line ? ENDPOINT_TOOLONG : ENDPOINT_RECORD;
}

/* What is next of the message in hand; false when it has nothing left. */
static bool
next_part(struct reader *r, bool lines, char **part, size_t *len,
    enum endpoint_status *status)
{
	/* Of a message that is read whole an empty line is left, too. */
	if (!r->have_now ||
	    (r->at >= r->now.size && (!r->whole || r->line > 0)))
		return false;
	r->a.base.refusal = amqp_message_refusal(&r->now);
	if (r->a.base.refusal != NULL) {
		r->line++;
		r->at = r->now.size;
		*status = ENDPOINT_TOOLONG;
	} else if (r->whole) {
		*status = next_whole(r, part, len);
	} else if (lines) {
		*status = next_line(r, part, len);
	} else {
		*status = next_block(r, part, len);
	}
	if (r->at >= r->now.size)
		finish_message(r);
	return true;
}

/* Puts the next message in hand; false when there is none. */
static bool
next_message(struct reader *r)
{
	amqp_message_release(&r->now);
	r->have_now = false;
	r->stale = false;
	if (r->ready.n == 0)
		return false;
	r->now = amqp_inflow_next(&r->ready);
	amqp_message_unpack(&r->now, r->ready.max_message);
	r->have_now = true;
	r->at = 0;
	r->line = 0;
	if (r->now.size == 0 && !r->whole)
		finish_message(r); /* nothing in it, but to be acknowledged */
	return true;
}

/* Everything the broker may send was returned and waits for the ack. */
static bool
is_starved(const struct reader *r)
{
	uint64_t limit = (uint64_t)r->prefetch + r->more;

	return r->prefetch > 0 && r->done.messages - r->acked.messages >= limit;
}

/* Has more of them come, if they are not large. */
static void
widen(struct reader *r)
{
	uint16_t more = 0;

	if (r->mean <= SMALL_BYTES * MEAN_OF)
		more = SMALL_MORE;
	else if (r->mean <= MEDIUM_BYTES * MEAN_OF)
		more = MEDIUM_MORE;
	if (!r->may_widen || more <= r->more || r->a.link.conn == NULL)
		return;
	if (consume(&r->a, (uint16_t)(more - r->more)) != OUTCOME_DONE)
		(void)lost(r);
	else
		r->more = more;
}

/* Nothing is in hand. RECORD: there may be more. */
static enum endpoint_status
check_empty(struct reader *r)
{
	struct amqp_queue_load load;

	if (clock_mono_ms() < r->check_ms)
		return ENDPOINT_RECORD;
	if (endpoint_amqp_queue(&r->a, &load) != OUTCOME_DONE) {
		(void)lost(r);
		return ENDPOINT_RECORD;
	}
	if (load.messages == 0 && r->said_empty)
		return ENDPOINT_EMPTY;
	r->said_empty = load.messages == 0;
	r->check_ms = clock_mono_ms() + QUIET_MS;
	return ENDPOINT_RECORD;
}

/* Nothing came for a while. True when the link had to be given up: the queue
 * has no reader, or messages wait in it and pass us by twice in a row. */
static bool
is_forgotten(struct reader *r)
{
	struct amqp_link *l = &r->a.link;
	struct amqp_queue_load load;
	int64_t now = clock_mono_ms();

	if (r->done.tag != r->acked.tag || now - r->idle_ms < IDLE_LOOK_MS)
		return false;
	r->idle_ms = now;
	if (endpoint_amqp_queue(&r->a, &load) == OUTCOME_DONE &&
	    load.readers != 0 && (load.messages == 0 || !r->passed_over)) {
		r->passed_over = load.messages != 0;
		return false;
	}
	if (l->conn != NULL)
		amqp_link_drop(l, "the queue '%s' at %s was deleted or moved",
		    r->a.queue, buf_str(&l->title));
	(void)lost(r);
	return true;
}

/* wait_ms, but no longer than until the next look at the queue. */
static int
before_check(const struct reader *r, int wait_ms)
{
	int64_t left = r->check_ms - clock_mono_ms();

	if (left <= 0)
		return 0;
	return left < wait_ms ? (int)left : wait_ms;
}

/* One step of waiting. RECORD: look again whether something is there. */
static enum endpoint_status
wait_for_more(struct reader *r, int wait_ms)
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
	if (receive(r, r->until_empty ? before_check(r, wait_ms) : wait_ms) !=
	    0)
		return r->a.link.outcome == OUTCOME_NEVER ? ENDPOINT_FAILED
							  : ENDPOINT_RECORD;
	if (r->ready.n > 0 || r->ready.phase != AMQP_PHASE_METHOD)
		return ENDPOINT_RECORD;
	if (r->until_empty)
		return check_empty(r);
	return is_forgotten(r) && r->a.link.outcome == OUTCOME_NEVER
		   ? ENDPOINT_FAILED
		   : ENDPOINT_RECORD;
}

static enum endpoint_status
read_part(
    struct reader *r, bool lines, char **part, size_t *len, int timeout_ms)
{
	int64_t end = -1, left;
	enum endpoint_status status;

	for (;;) {
		if (!r->stale && next_part(r, lines, part, len, &status))
			return status;
		if (next_message(r))
			continue;
		if (is_starved(r))
			widen(r);
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
	return read_part(self(e), true, line, len, timeout_ms);
}

static enum endpoint_status
amqp_read_block(struct endpoint *e, char **block, size_t *len, int timeout_ms)
{
	return read_part(self(e), false, block, len, timeout_ms);
}

static struct endpoint_mark
amqp_mark(const struct endpoint *e)
{
	return self_const(e)->done;
}

static void
amqp_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	struct reader *r = self(e);
	struct amqp_link *l = &r->a.link;

	if (l->conn == NULL || mark->connection != r->done.connection ||
	    mark->tag <= r->acked.tag)
		return;
	/* Commit point: the broker forgets what was returned. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, mark->tag, 1)) !=
	    0) {
		(void)lost(r);
		return;
	}
	r->acked = *mark;
}

static void
amqp_ack(struct endpoint *e)
{
	const struct endpoint_mark all = amqp_mark(e);

	amqp_ack_to(e, &all);
}

static void
amqp_pump(struct endpoint *e)
{
	struct reader *r = self(e);

	if (r->a.link.conn != NULL)
		(void)receive(r, 0);
}

static void
amqp_where(const struct endpoint *e, uint64_t behind, struct buf *where)
{
	const struct reader *r = self_const(e);

	buf_addf(
	    where, "message %s", r->now.id != NULL ? r->now.id : "without id");
	if (r->now.key != NULL)
		buf_addf(where, " key %s", r->now.key);
	else
		buf_addf(where, " line %llu",
		    (unsigned long long)(r->line - behind));
}

static const char *
amqp_routing_key(const struct endpoint *e, size_t *len)
{
	const struct reader *r = self_const(e);

	*len = r->now.key_len;
	return r->now.key;
}

static const char *
amqp_message_id(const struct endpoint *e, bool *last)
{
	const struct reader *r = self_const(e);

	*last = r->at >= r->now.size;
	return r->now.id;
}

static void
amqp_close(struct endpoint *e)
{
	struct reader *r = self(e);

	endpoint_amqp_release(&r->a);
	amqp_inflow_release(&r->ready);
	amqp_message_release(&r->now);
	free(r);
}

static const struct endpoint_ops ops = {
	.prefix = "queue:",
	.read = amqp_read,
	.read_block = amqp_read_block,
	.ack = amqp_ack,
	.mark = amqp_mark,
	.ack_to = amqp_ack_to,
	.pump = amqp_pump,
	.where = amqp_where,
	.message_id = amqp_message_id,
	.routing_key = amqp_routing_key,
	.is_up = endpoint_amqp_op_is_up,
	.close = amqp_close,
};

struct endpoint *
endpoint_amqp_open_read(const char *queue, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct endpoint *e = open_read(queue, opt, why, code);

	if (e == NULL)
		return NULL;
	e->ops = &ops;
	if (endpoint_amqp_first(&self(e)->a) == OUTCOME_DONE)
		return e;
	buf_setf(why, "%s", buf_str(&e->why));
	*code = e->code;
	endpoint_close(e);
	return NULL;
}
