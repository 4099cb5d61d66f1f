/*
 * amqp_declare: creates and inspects queues: our own, and those that other
 * publishers fill; the event counter's exchange and binding; and the lock of a
 * queue's only reader. All are durable except the lock.
 *
 * Each function returns DONE, or LATER or NEVER; then the link is down and
 * l->why has the reason.
 */
#ifndef COMMON_AMQP_AMQP_DECLARE_H
#define COMMON_AMQP_AMQP_DECLARE_H

#include "common/amqp/amqp_link.h"

/* The numbers of messages and consumers of a queue, as the broker counts
 * them. */
struct amqp_queue_load {
	uint32_t messages; /* ready messages, without those in transit to
			    * consumers */
	uint32_t readers;
};

/* True for NAME.dead, a dead-letter queue. */
bool amqp_is_dead_letter_queue(const char *queue);

/* Creates the queue unless it exists: a quorum queue that keeps a message
 * regardless of how often it is returned and, if a policy limits its length,
 * refuses new messages instead of dropping old ones. The permission to
 * configure is only needed to create it. load may be NULL. */
enum outcome amqp_declare_queue(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* Reports whether the queue exists, and its load, without creating it. load may
 * be NULL. */
enum outcome amqp_declare_count(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load, bool *found)
    __attribute__((warn_unused_result));

/* Takes a lock that all programs of the virtual host share: creates an
 * exclusive queue of that name, which lasts until our connection ends or its
 * node dies. *taken: another connection holds it; the channel can still be
 * used. */
enum outcome amqp_declare_lock(struct amqp_link *l, const char *name,
    bool *taken) __attribute__((warn_unused_result));

/* DONE if the broker accepts messages; LATER during an alarm, which it reveals
 * only to a connection that publishes: an empty message goes to `queue`.alarm,
 * which does not exist, so the broker drops it. */
enum outcome amqp_declare_alarm(struct amqp_link *l, const char *queue)
    __attribute__((warn_unused_result));

/* Adds (on) or removes a consumer that gets no messages (x-credit of 0, which
 * RabbitMQ's own AMQP 1.0 uses; a broker that does not support it may send the
 * first message). A quorum queue answers after its leader has added the
 * consumer, and after all earlier requests. */
enum outcome amqp_declare_probe(struct amqp_link *l, const char *queue, bool on)
    __attribute__((warn_unused_result));

/* Like amqp_declare_queue(), but reliable for callers that act on a queue
 * without messages and consumers. A quorum queue that does not answer within a
 * quarter of a second is also reported as empty, so a count is trusted only if
 * it includes our own consumer, which is then subtracted. LATER if there is no
 * such count within a few seconds. */
enum outcome amqp_declare_load(struct amqp_link *l, const char *queue,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* Creates what is missing of a queue that other publishers fill: a topic
 * exchange, a classic queue, and the binding with that key. Also DONE if
 * exchange and queue exist and only the permission to bind is missing. */
enum outcome amqp_declare_source(struct amqp_link *l, const char *exchange,
    const char *queue, const char *key) __attribute__((warn_unused_result));

#endif
