/*
 * amqp_message: assembles the messages of a queue from their frames, so that
 * the size of a message is bounded and no read blocks in the middle of one.
 * Complete messages are kept in a ring, in order of arrival. Private to the
 * reading end, endpoint_amqp_read.c.
 */
#ifndef COMMON_AMQP_AMQP_MESSAGE_H
#define COMMON_AMQP_AMQP_MESSAGE_H

#include "common/amqp/amqp_link.h"

#include <stddef.h>

struct amqp_message {
	uint64_t tag;
	char *id;  /* NULL: none, or an empty one, or one with control
		    * characters */
	char *key; /* the routing key; NULL: not stored */
	size_t key_len;
	char *data;  /* the body, with LINES_BEFORE and LINES_BEHIND around */
	size_t len;  /* bytes received so far, stored unless too_long */
	size_t size; /* of the whole body */
	bool too_long;
};

struct amqp_inflow {
	size_t max_message; /* in bytes; longer bodies are not stored */
	bool with_keys;

	enum amqp_phase phase;
	size_t n, max; /* number of waiting messages, and its maximum */
	size_t bytes;  /* of waiting messages, as received */

	/* private */
	struct amqp_message incoming;
	struct amqp_message *ring;
	size_t head;
};

void amqp_inflow_init(struct amqp_inflow *in, size_t max);
void amqp_inflow_release(struct amqp_inflow *in);

/* Adds a frame: delivery, header or part of a body. Returns false if it is out
 * of order, or if the ring is full. *whole: a message is now complete. */
bool amqp_inflow_take(
    struct amqp_inflow *in, const amqp_frame_t *f, bool *whole);

/* Removes and returns the oldest message, which the caller then owns; n must
 * not be 0. */
struct amqp_message amqp_inflow_next(struct amqp_inflow *in);

/* Drops all messages, including an incomplete one. */
void amqp_inflow_clear(struct amqp_inflow *in);

void amqp_message_release(struct amqp_message *m);

#endif
