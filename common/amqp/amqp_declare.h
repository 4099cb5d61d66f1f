/*
 * amqp_declare: makes, binds and deletes exchanges and queues: our own, those
 * that other publishers fill, and those of scripts/topology. All of them are
 * durable. Private to amqp_*.c and endpoint_amqp*.c.
 *
 * Each function returns DONE, or LATER or NEVER; then the link is down and
 * l->why has the reason.
 */
#ifndef COMMON_AMQP_AMQP_DECLARE_H
#define COMMON_AMQP_AMQP_DECLARE_H

#include "common/amqp/amqp_link.h"

/* Messages and consumers of a queue, as the broker counts them. */
struct amqp_queue_load {
	uint32_t
	    messages; /* ready ones, without those on their way to readers */
	uint32_t readers;
};

/* Where a queue that others fill gets its messages from. */
struct amqp_source {
	const char *exchange; /* a topic exchange */
	const char *binding;
};

/* True for NAME.dead, a queue of dead letters. */
bool amqp_is_dead_letter_queue(const char *queue);

/* Makes the queue unless it exists: a quorum queue that, where a policy limits
 * its length, refuses new messages instead of dropping old ones, and keeps a
 * message however often it comes back. Only making it needs the right to
 * configure. load may be NULL. */
enum outcome amqp_declare_queue(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* *found: whether the queue exists, and what it holds then; it is not made.
 * load may be NULL. */
enum outcome amqp_declare_count(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load, bool *found)
    __attribute__((warn_unused_result));

/* *found: whether it exists; kind is "queue" or "exchange". */
enum outcome amqp_declare_look(struct amqp_link *l, const char *kind,
    const char *name, bool *found) __attribute__((warn_unused_result));

/* Makes the exchange; one that exists must be of that type. */
enum outcome amqp_declare_exchange(struct amqp_link *l, const char *name,
    const char *type) __attribute__((warn_unused_result));

/* Binds the queue to the exchange: it gets the messages with that key. A
 * binding that exists stays. */
enum outcome amqp_declare_bind(struct amqp_link *l, const char *exchange,
    const char *queue, const char *key) __attribute__((warn_unused_result));

/* Binds (on) or unbinds two exchanges: `to` gets all that comes to `from`. */
enum outcome amqp_declare_pass(struct amqp_link *l, const char *from,
    const char *to, bool on) __attribute__((warn_unused_result));

/* Deletes it with all that is in it; DONE also when it does not exist. */
enum outcome amqp_declare_drop(struct amqp_link *l, const char *kind,
    const char *name) __attribute__((warn_unused_result));

/* Adds (on) or removes a consumer that gets no messages (x-credit of 0, as of
 * RabbitMQ's own AMQP 1.0; a broker that does not know it may send the first
 * message). A quorum queue answers when its leader has added the consumer,
 * after all earlier requests. */
enum outcome amqp_declare_probe(struct amqp_link *l, const char *queue, bool on)
    __attribute__((warn_unused_result));

/* As amqp_declare_queue(), for who acts on a queue without messages and
 * readers: that is also what a quorum queue is said to be that does not answer
 * within a quarter of a second. It is believed when the count has a reader of
 * our own, which is left out. LATER when none of the next seconds has such a
 * count. */
enum outcome amqp_declare_load(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* Makes what is missing of a source: a durable topic exchange, a durable
 * classic queue, the binding. DONE also when exchange and queue exist and only
 * the right to bind is missing. */
enum outcome amqp_declare_source(struct amqp_link *l, const char *queue,
    const struct amqp_source *source) __attribute__((warn_unused_result));

#endif
