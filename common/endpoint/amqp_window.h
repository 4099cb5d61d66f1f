/*
 * amqp_window: the messages that a writing end has sealed and the broker has
 * not confirmed, in the order of writing. Private to endpoint_amqp_write.c and
 * amqp_window.c.
 *
 *              publish            ack
 *   TO_SEND ------------> SENT ---------> DONE, and out of the window
 *    ^  ^                 |  |
 *    |  +-- nack, lost ---+  | return
 *    |                       v
 *    +-- ack, lost ---- RETURNED
 *
 * What the broker can answer to a message:
 *   ack              it is on the disk: out of the window
 *   return, then ack the queue is gone: the link is made anew, which makes the
 *                    queue anew, and the message is sent again; of an
 *                    exchange, that no queue is bound to it at the moment
 *   nack             the queue is full: sent again after a pause
 *   nothing          the link is lost: sent again on the next one
 */
#ifndef COMMON_ENDPOINT_AMQP_WINDOW_H
#define COMMON_ENDPOINT_AMQP_WINDOW_H

#include "common/endpoint/endpoint_amqp.h"
#include "common/records/spread.h"

/* Messages that may be on their way. */
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
	struct buf body;
};

struct amqp_buffer {
	struct buf filling;
	int64_t since_ms;
};

struct amqp_writer {
	struct amqp_endpoint a;
	char run[17]; /* makes ids unique among all writers there ever are */
	uint64_t next_seq, next_tag;

	struct amqp_outgoing
	    window[AMQP_WINDOW]; /* ring, in order of writing */
	size_t head, n;
	int64_t progress_ms; /* when the broker last confirmed something */
	struct retry pause;  /* after a refusal because the queue is full */
	int64_t pause_until_ms;
	bool full, gone;

	size_t body_bytes;
	bool packs; /* what is long enough, when it is sealed */
	struct amqp_buffer *buffers;
	size_t buffers_n;
	int64_t swept_ms; /* when all buffers were looked at */
	char *all;        /* the exchange for what concerns all */
	struct spread spread;

	enum amqp_phase phase; /* of a message that is being returned */
	uint64_t returned_left;
};

static inline struct amqp_outgoing *
amqp_window_at(struct amqp_writer *w, size_t i)
{
	return &w->window[(w->head + i) % AMQP_WINDOW];
}

/* Takes what has come, waiting for the first of it. -1: the link is lost. */
int amqp_window_receive(struct amqp_writer *w, int wait_ms)
    __attribute__((warn_unused_result));

/* Sends what is to be sent, as long as the broker wants any. -1: the link is
 * lost. */
int amqp_window_send(struct amqp_writer *w);

/* Makes it empty; of a long line it does not keep the room. */
void amqp_window_shorten(struct buf *b);

#endif
