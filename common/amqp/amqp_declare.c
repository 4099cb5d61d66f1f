/*
 * amqp_declare: see amqp_declare.h.
 */
#include "common/amqp/amqp_declare.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"

/* How long and how often to query an unresponsive queue. */
#define LOAD_MS 5000
#define LOAD_AGAIN_MS 50
/* How long a broker may take to confirm a message, or to report an alarm. */
#define ALARM_MS 3000

static const amqp_table_t none = { 0, NULL };

bool
amqp_is_dead_letter_queue(const char *queue)
{
	return text_ends_with(queue, ".dead");
}

/* Returns the outcome of the last call, which succeeded if ok. */
static enum outcome
declare_outcome(
    struct amqp_link *l, bool ok, const char *what, const char *name)
{
	char *text = xasprintf("%s '%s'", what, name);
	int status = 0;

	if (!ok)
		status =
		    amqp_link_check_reply(l, text, amqp_get_rpc_reply(l->conn));
	/* The call got neither an answer nor an error. */
	if (!ok && status == 0)
		amqp_link_drop(l, "cannot %s: no answer", text);
	free(text);
	return ok ? OUTCOME_DONE : l->outcome;
}

static void
add_text_argument(amqp_table_entry_t *e, const char *key, const char *value)
{
	e->key = amqp_cstring_bytes(key);
	e->value.kind = AMQP_FIELD_KIND_UTF8;
	e->value.value.bytes = amqp_cstring_bytes(value);
}

static void
add_number_argument(amqp_table_entry_t *e, const char *key, int64_t value)
{
	e->key = amqp_cstring_bytes(key);
	e->value.kind = AMQP_FIELD_KIND_I64;
	e->value.value.i64 = value;
}

static amqp_queue_declare_ok_t *
make_quorum(struct amqp_link *l, const char *queue)
{
	amqp_table_entry_t entries[4];
	amqp_table_t all = { 3, entries };

	add_text_argument(&entries[0], "x-queue-type", "quorum");
	add_text_argument(&entries[1], "x-overflow", "reject-publish");
	/* By default, RabbitMQ 4 deletes a message that was returned 20 times.
	 * Our messages are returned until their effect is safe. */
	add_number_argument(&entries[2], "x-delivery-limit", INT32_MAX);
	/* Dead letters contain personal data and often remain unread. */
	if (amqp_is_dead_letter_queue(queue)) {
		add_number_argument(
		    &entries[3], "x-message-ttl", l->dead_letters_ms);
		all.num_entries = 4;
	}
	return amqp_queue_declare(l->conn, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(queue), 0, 1, 0, 0, all);
}

static struct amqp_queue_load
load_of(const amqp_queue_declare_ok_t *ok)
{
	return (
	    struct amqp_queue_load){ ok->message_count, ok->consumer_count };
}

/* Opens the channel again after the broker has closed it; the closing must be
 * acknowledged first. */
static int
reopen_channel(struct amqp_link *l)
{
	amqp_channel_close_ok_t ok = { 0 };

	if (amqp_link_check(l, "reopen the channel",
		amqp_send_method(l->conn, AMQP_LINK_CHANNEL,
		    AMQP_CHANNEL_CLOSE_OK_METHOD, &ok)) != 0)
		return -1;
	amqp_channel_open(l->conn, AMQP_LINK_CHANNEL);
	return amqp_link_check_reply(
	    l, "reopen the channel", amqp_get_rpc_reply(l->conn));
}

/* True if the broker has closed the channel with that reply code. */
static bool
is_refused(const struct amqp_link *l, int reply_code)
{
	amqp_rpc_reply_t r = amqp_get_rpc_reply(l->conn);
	const amqp_channel_close_t *c = r.reply.decoded;

	return r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
	       r.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
	       c->reply_code == reply_code;
}

/* Call after a failed passive declaration, before any other call. True if no
 * queue or exchange (`kind`) has that name. The channel is then closed until
 * reopen_channel(). */
static bool
is_told_missing(const struct amqp_link *l, const char *kind)
{
	amqp_rpc_reply_t r = amqp_get_rpc_reply(l->conn);
	const amqp_channel_close_t *c = r.reply.decoded;
	static const char start[] = "NOT_FOUND - no ";
	size_t n = sizeof start - 1, kind_len = strlen(kind);

	/* While a broker starts, it reports a queue as "down" with the same
	 * code. */
	return is_refused(l, AMQP_NOT_FOUND) &&
	       c->reply_text.len >= n + kind_len &&
	       memcmp(c->reply_text.bytes, start, n) == 0 &&
	       memcmp((const char *)c->reply_text.bytes + n, kind, kind_len) ==
		   0;
}

enum outcome
amqp_declare_count(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load, bool *found)
{
	amqp_queue_declare_ok_t *ok = amqp_queue_declare(l->conn,
	    AMQP_LINK_CHANNEL, amqp_cstring_bytes(queue), 1, 0, 0, 0, none);

	*found = ok != NULL;
	if (ok == NULL && is_told_missing(l, "queue"))
		return reopen_channel(l) == 0 ? OUTCOME_DONE : l->outcome;
	if (ok != NULL && load != NULL)
		*load = load_of(ok);
	return declare_outcome(l, ok != NULL, "inspect queue", queue);
}

enum outcome
amqp_declare_queue(
    struct amqp_link *l, const char *queue, struct amqp_queue_load *load)
{
	amqp_queue_declare_ok_t *ok;
	bool found;
	enum outcome o = amqp_declare_count(l, queue, load, &found);

	if (o != OUTCOME_DONE || found)
		return o;
	ok = make_quorum(l, queue);
	if (ok != NULL)
		log_info("queue_made", "queue=%s", queue);
	if (ok != NULL && load != NULL)
		*load = load_of(ok);
	return declare_outcome(l, ok != NULL, "create queue", queue);
}

/* Declares the queue as the publishers of such queues do: with another type,
 * their declaration would fail. */
static enum outcome
make_classic(struct amqp_link *l, const char *queue)
{
	bool ok = amqp_queue_declare(l->conn, AMQP_LINK_CHANNEL,
		      amqp_cstring_bytes(queue), 0, 1, 0, 0, none) != NULL;

	if (ok)
		log_info("queue_made", "queue=%s", queue);
	return declare_outcome(l, ok, "create queue", queue);
}

enum outcome
amqp_declare_lock(struct amqp_link *l, const char *name, bool *taken)
{
	bool ok = amqp_queue_declare(l->conn, AMQP_LINK_CHANNEL,
		      amqp_cstring_bytes(name), 0, 0, 1, 0, none) != NULL;

	*taken = !ok && is_refused(l, AMQP_RESOURCE_LOCKED);
	if (*taken)
		return reopen_channel(l) == 0 ? OUTCOME_DONE : l->outcome;
	return declare_outcome(l, ok, "lock queue", name);
}

/* Publishes an empty message that no queue gets, and waits for its confirm. */
static enum outcome
publish_to_nobody(struct amqp_link *l, const char *nobody)
{
	amqp_frame_t f;
	int got;

	if (amqp_link_check(l, "publish",
		amqp_basic_publish(l->conn, AMQP_LINK_CHANNEL, amqp_empty_bytes,
		    amqp_cstring_bytes(nobody), 0, 0, NULL,
		    amqp_empty_bytes)) != 0)
		return l->outcome;
	got = amqp_link_frame(l, &f, ALARM_MS);
	if (got == 0 && !l->blocked)
		amqp_link_drop(
		    l, "RabbitMQ at %s does not confirm a message", l->title);
	return got > 0 && !l->blocked ? OUTCOME_DONE : OUTCOME_LATER;
}

/* The broker still confirms the message that reveals the alarm. */
enum outcome
amqp_declare_alarm(struct amqp_link *l, const char *queue)
{
	char *nobody = xasprintf("%s.alarm", queue);
	enum outcome o = OUTCOME_DONE;

	amqp_confirm_select(l->conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(
		l, "ask for confirms", amqp_get_rpc_reply(l->conn)) != 0)
		o = l->outcome;
	if (o == OUTCOME_DONE)
		o = publish_to_nobody(l, nobody);
	if (o == OUTCOME_DONE)
		o = publish_to_nobody(l, nobody);
	free(nobody);
	return o;
}

enum outcome
amqp_declare_probe(struct amqp_link *l, const char *queue, bool on)
{
	amqp_table_entry_t nothing[2] = {
		{ amqp_cstring_bytes("credit"),
		    { .kind = AMQP_FIELD_KIND_I64, .value.i64 = 0 } },
		{ amqp_cstring_bytes("drain"),
		    { .kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 0 } },
	};
	amqp_table_entry_t credit = { amqp_cstring_bytes("x-credit"),
		{ .kind = AMQP_FIELD_KIND_TABLE,
		    .value.table = { ARRAY_LEN(nothing), nothing } } };
	amqp_table_t args = { 1, &credit };
	amqp_bytes_t tag = amqp_cstring_bytes("probe");

	amqp_link_hurry(l);
	if (!on)
		return declare_outcome(l,
		    amqp_basic_cancel(l->conn, AMQP_LINK_CHANNEL, tag) != NULL,
		    "stop reading", queue);
	if (amqp_basic_qos(l->conn, AMQP_LINK_CHANNEL, 0, 1, 0) == NULL)
		return declare_outcome(l, false, "limit deliveries of", queue);
	amqp_link_hurry(l);
	return declare_outcome(l,
	    amqp_basic_consume(l->conn, AMQP_LINK_CHANNEL,
		amqp_cstring_bytes(queue), tag, 0, 0, 0, args) != NULL,
	    "read queue", queue);
}

/* Repeats the count until it includes the probe. */
static enum outcome
count_with_probe(
    struct amqp_link *l, const char *queue, struct amqp_queue_load *load)
{
	int64_t end = clock_mono_ms() + LOAD_MS;
	enum outcome o;

	do {
		o = amqp_declare_queue(l, queue, load);
	} while (o == OUTCOME_DONE && load->readers == 0 &&
		 clock_mono_ms() < end && !stop_sleep(LOAD_AGAIN_MS));
	if (o != OUTCOME_DONE || load->readers > 0)
		return o;
	amqp_link_drop(l,
	    "the queue '%s' at %s does not report its length; try again; if "
	    "this persists, see rabbitmq-queues quorum_status",
	    queue, l->title);
	return l->outcome;
}

enum outcome
amqp_declare_load(
    struct amqp_link *l, const char *queue, struct amqp_queue_load *load)
{
	enum outcome o = amqp_declare_queue(l, queue, load);

	/* The broker would refuse the probe if there is an exclusive
	 * consumer. */
	if (o != OUTCOME_DONE || load->messages > 0 || load->readers > 0)
		return o;
	o = amqp_declare_probe(l, queue, true);
	if (o == OUTCOME_DONE)
		o = count_with_probe(l, queue, load);
	if (o == OUTCOME_DONE)
		o = amqp_declare_probe(l, queue, false);
	if (o != OUTCOME_DONE)
		return o;
	load->readers--;
	/* The broker may have sent a message to the probe nevertheless. */
	if (amqp_frames_enqueued(l->conn))
		load->messages++;
	return OUTCOME_DONE;
}

/* Reports whether the topic exchange exists. */
static enum outcome
look_for_exchange(struct amqp_link *l, const char *name, bool *found)
{
	*found = amqp_exchange_declare(l->conn, AMQP_LINK_CHANNEL,
		     amqp_cstring_bytes(name), amqp_cstring_bytes("topic"), 1,
		     1, 0, 0, none) != NULL;
	if (!*found && is_told_missing(l, "exchange"))
		return reopen_channel(l) == 0 ? OUTCOME_DONE : l->outcome;
	return declare_outcome(l, *found, "inspect exchange", name);
}

static enum outcome
make_exchange(struct amqp_link *l, const char *name)
{
	bool ok = amqp_exchange_declare(l->conn, AMQP_LINK_CHANNEL,
		      amqp_cstring_bytes(name), amqp_cstring_bytes("topic"), 0,
		      1, 0, 0, none) != NULL;

	return declare_outcome(l, ok, "create exchange", name);
}

/* Binds the queue, so that it gets the messages with that key. An existing
 * binding stays. optional: also DONE without the permission. */
static enum outcome
bind_queue(struct amqp_link *l, const char *exchange, const char *queue,
    const char *key, bool optional)
{
	bool ok = amqp_queue_bind(l->conn, AMQP_LINK_CHANNEL,
		      amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
		      amqp_cstring_bytes(key), none) != NULL;

	if (!ok && optional && is_refused(l, AMQP_ACCESS_REFUSED)) {
		log_info("not_bound",
		    "queue=%s exchange=%s reason=\"no permission\"", queue,
		    exchange);
		return reopen_channel(l) == 0 ? OUTCOME_DONE : l->outcome;
	}
	return declare_outcome(l, ok, "bind queue", queue);
}

enum outcome
amqp_declare_source(struct amqp_link *l, const char *exchange,
    const char *queue, const char *key)
{
	bool has_exchange, has_queue;
	enum outcome o;

	o = look_for_exchange(l, exchange, &has_exchange);
	if (o == OUTCOME_DONE && !has_exchange)
		o = make_exchange(l, exchange);
	if (o == OUTCOME_DONE)
		o = amqp_declare_count(l, queue, NULL, &has_queue);
	if (o == OUTCOME_DONE && !has_queue)
		o = make_classic(l, queue);
	if (o == OUTCOME_DONE)
		o = bind_queue(
		    l, exchange, queue, key, has_exchange && has_queue);
	return o;
}
