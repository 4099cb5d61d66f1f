/*
 * amqp_declare: exchanges, bindings and queues of other kinds than our own,
 * for those who speak with publishers that are not ours, and for
 * scripts/topology. All of it survives a restart of the broker. Private to
 * amqp_*.c and endpoint_amqp*.c.
 *
 * Each function answers as amqp_link_queue() does: LATER or NEVER, and then
 * the link is down and says why.
 */
#ifndef COMMON_AMQP_AMQP_DECLARE_H
#define COMMON_AMQP_AMQP_DECLARE_H

#include "common/amqp/amqp_link.h"

/* What a queue gets that others fill. */
struct amqp_source {
	const char *exchange; /* a topic exchange */
	const char *binding;
};

/* Whether it is there; kind is "queue" or "exchange". */
enum outcome amqp_declare_look(struct amqp_link *l, const char *kind,
    const char *name, bool *found) __attribute__((warn_unused_result));

/* Makes it; one that is there already must be of that type. */
enum outcome amqp_declare_exchange(struct amqp_link *l, const char *name,
    const char *type) __attribute__((warn_unused_result));

/* What comes to the exchange shall go to the queue, if it has that key. What
 * is so already stays so. */
enum outcome amqp_declare_bind(struct amqp_link *l, const char *exchange,
    const char *queue, const char *key) __attribute__((warn_unused_result));

/* What comes to one exchange shall go to the other, too; or no longer. */
enum outcome amqp_declare_pass(struct amqp_link *l, const char *from,
    const char *to, bool on) __attribute__((warn_unused_result));

/* Removes it, whatever is in it. What is not there is removed already. */
enum outcome amqp_declare_drop(struct amqp_link *l, const char *kind,
    const char *name) __attribute__((warn_unused_result));

/* Takes the reading of a queue for this connection alone, as long as it lives:
 * an exclusive queue, NAME.reader, stands for it, because a broker refuses a
 * second exclusive reader of a classic queue only. LATER with *taken: another
 * one has it. Without the right to make it, it is read as it is. */
enum outcome amqp_declare_reader(struct amqp_link *l, const char *queue,
    bool *taken) __attribute__((warn_unused_result));

/* A reader of the queue that is there for its being counted only: nothing is
 * sent to it (x-credit of 0, as RabbitMQ's own AMQP 1.0 reads; a broker that
 * does not know that may send one message, which is the first). A quorum queue
 * answers when its leader has taken it in, behind all that was asked before. */
enum outcome amqp_declare_probe(struct amqp_link *l, const char *queue, bool on)
    __attribute__((warn_unused_result));

/* Looks for exchange and queue of a source and makes what is missing: a
 * durable topic exchange, a durable classic queue, the binding. When the
 * queue is there and the right to bind is missing, it is read as it is. */
enum outcome amqp_declare_source(struct amqp_link *l, const char *queue,
    const struct amqp_source *source) __attribute__((warn_unused_result));

#endif
