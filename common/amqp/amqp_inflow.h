/*
 * amqp_inflow: what a queue delivers, put together frame by frame, so that the
 * size of a message is bounded and no read can hang in the middle of one.
 * Whole messages wait in the order in which they came. Private to
 * endpoint_amqp_read.c.
 */
#ifndef COMMON_AMQP_AMQP_INFLOW_H
#define COMMON_AMQP_AMQP_INFLOW_H

#include "common/amqp/amqp_link.h"

#include <stddef.h>

struct amqp_message {
	uint64_t tag;
	bool again; /* it may have been sent to a reader before */
	char *id;   /* NULL: it came without */
	char *key;  /* the routing key; NULL: not wanted */
	size_t key_len;
	char *data;  /* the body, within what lines.h wants around it */
	size_t len;  /* bytes that came of it, kept unless too_long */
	size_t size; /* of the whole body; unpacked, when it is */
	bool too_long;
	bool packed;  /* the body still is, see amqp_pack.h */
	bool damaged; /* it was said to be, but cannot be unpacked */
};

struct amqp_inflow {
	size_t max_message; /* bytes; of what is longer only this is known */
	bool with_keys;

	enum amqp_phase phase;
	size_t n, max; /* that wait, and may */
	size_t bytes;  /* of those that wait, as they came */

	/* private */
	struct amqp_message incoming;
	struct amqp_message *ring;
	size_t head;
};

void amqp_inflow_init(struct amqp_inflow *in, size_t max);
void amqp_inflow_release(struct amqp_inflow *in);

/* Takes a delivery, a header or a piece of a body; false when that is out of
 * order. *whole: it made a message complete. */
bool amqp_inflow_take(
    struct amqp_inflow *in, const amqp_frame_t *f, bool *whole);

/* The oldest one that waits, now the caller's; there must be one. */
struct amqp_message amqp_inflow_next(struct amqp_inflow *in);

/* Forgets what waits and what is under way. */
void amqp_inflow_clear(struct amqp_inflow *in);

/* Unpacks the body where it is packed; says so where it is longer than
 * max_message, or damaged. */
void amqp_message_unpack(struct amqp_message *m, size_t max_message);

/* Why there is nothing to read in it; NULL: there is. */
const char *amqp_message_refusal(const struct amqp_message *m);

void amqp_message_release(struct amqp_message *m);

#endif
