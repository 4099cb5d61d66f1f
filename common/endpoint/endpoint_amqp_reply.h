/*
 * endpoint_amqp_reply: sends answers to the writers of messages that the
 * reading end of a queue has received. Private to endpoint_amqp*.c.
 *
 * Answers have a connection of their own, made for the first one: during an
 * alarm, the broker stops reading from a connection that publishes, so the
 * reader's acknowledgements would no longer reach it.
 *
 * Nothing is guaranteed, and nothing waits except for the login: an answer that
 * cannot be sent is dropped.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_AMQP_REPLY_H
#define COMMON_ENDPOINT_ENDPOINT_AMQP_REPLY_H

#include "common/amqp/amqp_link.h"

/* A zeroed struct with conf, which is borrowed, is ready. */
struct amqp_reply {
	const struct conf *conf;
	struct amqp_link link;
	bool ready;          /* link is initialised */
	int64_t next_try_ms; /* do not connect earlier */
	int64_t served_ms;
};

/* True for an address that the broker has made from amq.rabbitmq.reply-to; no
 * other one is answered, because it may be the name of any queue. */
bool amqp_reply_is_address(const void *reply_to, size_t len);

void amqp_reply_send(
    struct amqp_reply *r, const char *reply_to, const char *text, size_t len);

/* Serves the heartbeats, without waiting. */
void amqp_reply_serve(struct amqp_reply *r);

void amqp_reply_release(struct amqp_reply *r);

#endif
