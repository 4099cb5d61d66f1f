/*
 * endpoint_amqp_reader: the reading end of a queue, which has two files:
 * endpoint_amqp_read.c reads, by endpoint_amqp_ack.c it acknowledges. Private
 * to them.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_AMQP_READER_H
#define COMMON_ENDPOINT_ENDPOINT_AMQP_READER_H

#include "common/amqp/amqp_inflow.h"
#include "common/endpoint/amqp_cursor.h"
#include "common/endpoint/endpoint_amqp.h"

struct amqp_reader {
	struct amqp_endpoint a;
	uint16_t prefetch; /* 0: no limit */
	bool may_widen;    /* the limit is not configured */
	bool reads_all;    /* nothing is acknowledged before the end */
	bool until_empty;
	bool asked_type;   /* whether the queue is a stream */
	bool present_only; /* what waited when it connected: ... */
	uint32_t present;  /* ... so many messages */

	struct amqp_inflow ready;

	struct amqp_cursor now;
	bool stale; /* its connection broke: to be freed by the next read */

	/* Of this connection. */
	struct endpoint_mark done;  /* whole messages returned so far */
	struct endpoint_mark acked; /* of them, acknowledged */
	unsigned consumers;         /* so far; the last one is in use */
	uint16_t more;              /* what the limit is above prefetch */
	uint64_t mean;    /* bytes of the last ones, as sent; times MEAN_OF */
	bool said_empty;  /* at the last check of the queue */
	int64_t check_ms; /* the next check is not before */

	bool passed_over; /* messages waited at the last idle check */
	int64_t idle_ms;  /* since when nothing came; or the last check */

	/* Since when links were dropped because nothing came, though messages
	 * wait; 0: something came. */
	int64_t silent_since_ms;
};

static inline struct amqp_reader *
amqp_reader_of(struct endpoint *e)
{
	return (struct amqp_reader *)(void *)e;
}

static inline const struct amqp_reader *
reader_of_const(const struct endpoint *e)
{
	return (const struct amqp_reader *)(const void *)e;
}

/* The link is gone, and with it all that was not acknowledged. Returns -1. */
int endpoint_amqp_reader_lost(struct amqp_reader *r);

/* Without a consumer, before the link is closed: waits until the leader of a
 * quorum queue has the acknowledgements that were sent, since a channel that is
 * closed forgets what it kept back while the leader was slow. Where that fails,
 * messages come again. */
void endpoint_amqp_ack_settle(struct amqp_reader *r);

/* Of struct endpoint_ops. */
struct endpoint_mark endpoint_amqp_mark(const struct endpoint *e);
void endpoint_amqp_ack_to(struct endpoint *e, const struct endpoint_mark *mark);
bool endpoint_amqp_ack_only(
    struct endpoint *e, const struct endpoint_mark *marks, size_t n);
void endpoint_amqp_ack(struct endpoint *e);

#endif
