/*
 * amqp_unconfirmed: the messages of a writing end that the broker has not
 * confirmed, in the order of writing. Private to endpoint_amqp_write.c and
 * amqp_unconfirmed.c.
 *
 *              publish            ack
 *   TO_SEND ------------> SENT ---------> DONE, and out of the window
 *    ^  ^                 |  |
 *    |  +-- nack, lost ---+  | return
 *    |                       v
 *    +-- ack, lost ---- RETURNED
 *
 * What the broker can answer to a message:
 *   ack              it is on the disk: it leaves the window
 *   return, then ack the queue is gone, or no queue is bound to the exchange:
 *                    the link is made again, which makes the queue again, and
 *                    the message is sent again
 *   nack             the queue is full: it is sent again after a pause
 *   nothing          the link is lost: it is sent again on the next one
 */
#ifndef COMMON_ENDPOINT_AMQP_UNCONFIRMED_H
#define COMMON_ENDPOINT_AMQP_UNCONFIRMED_H

#include "common/endpoint/endpoint_amqp.h"
#include "common/records/publisher_clock.h"

/* Messages in a window at most. */
#define AMQP_WINDOW 128
#define AMQP_BODY_BYTES ((size_t)124 * 1024) /* one frame: of 128 at most */

enum amqp_outgoing_state {
	AMQP_OUTGOING_TO_SEND,
	AMQP_OUTGOING_SENT,
	AMQP_OUTGOING_RETURNED, /* its ack is to come */
	AMQP_OUTGOING_DONE,
};

struct amqp_outgoing {
	uint64_t seq;
	uint64_t tag; /* of this connection, while SENT or RETURNED */
	enum amqp_outgoing_state state;
	size_t bucket; /* 0 of a queue */
	bool packed;
	uint64_t before, lines; /* written before it, and with it */
	int64_t sent_us;        /* 0: not traced */
	struct buf body;
};

struct amqp_buffer {
	struct buf filling;
	int64_t since_ms;
};

struct amqp_writer {
	struct amqp_endpoint a;
	char run[17]; /* random; makes message ids unique among all writers */
	uint64_t next_seq, next_tag;
	uint64_t lines, sealed; /* written, and of these in messages */

	struct amqp_outgoing
	    window[AMQP_WINDOW]; /* ring, in order of writing */
	size_t head, n;
	int64_t progress_ms; /* when the broker last confirmed something */
	struct retry pause;  /* after a refusal because the queue is full */
	int64_t pause_until_ms;
	bool full;

	size_t body_bytes;
	bool packs; /* bodies of AMQP_COMPRESS_LEAST bytes are packed */
	struct amqp_buffer *buffers;
	size_t buffers_n;
	int64_t swept_ms; /* when all buffers were checked last */
	char *all;        /* the exchange NAME.all, for records of BUCKET_ALL */
	struct publisher_clock clock;

	enum amqp_phase phase; /* of a message that is being returned */
	uint64_t returned_left;
};

static inline struct amqp_outgoing *
amqp_unconfirmed_at(struct amqp_writer *w, size_t i)
{
	return &w->window[(w->head + i) % AMQP_WINDOW];
}

/* Handles the answers that have come; waits for the first of them. -1: the link
 * is lost. */
int amqp_unconfirmed_receive(struct amqp_writer *w, int wait_ms)
    __attribute__((warn_unused_result));

/* Sends the messages TO_SEND, unless the broker wants none. -1: the link is
 * lost. */
int amqp_unconfirmed_send(struct amqp_writer *w);

/* Empties a buffer, and frees it when a long line made it large. */
void amqp_unconfirmed_shorten(struct buf *b);

#endif
