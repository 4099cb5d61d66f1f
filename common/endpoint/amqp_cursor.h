/*
 * amqp_cursor: the message of a queue that is in hand, and how far its lines
 * were returned. Private to endpoint_amqp_read.c.
 */
#ifndef COMMON_ENDPOINT_AMQP_CURSOR_H
#define COMMON_ENDPOINT_AMQP_CURSOR_H

#include "common/amqp/amqp_inflow.h"
#include "common/endpoint/endpoint.h"

struct amqp_cursor {
	size_t max_line;
	bool whole; /* each message is one line, whatever is in it */

	bool in_hand; /* there is one, */
	struct amqp_message message;
	uint64_t serial;     /* the so manieth, */
	uint64_t connection; /* through which it came */
	size_t at;           /* how far its lines were returned */
	uint64_t line;       /* number of the last one, */
	uint64_t first;      /* and of the first that was returned with it */
	const char *refusal; /* of the last TOOLONG; NULL: the line is */
};

/* The message is the cursor's, which has none in hand before. */
void amqp_cursor_take(struct amqp_cursor *c, struct amqp_message m,
    size_t max_message, uint64_t connection);
void amqp_cursor_release(struct amqp_cursor *c);

/* Its next line, or as many lines as there are before one that is too long, up
 * to some size: RECORD or TOOLONG. False when nothing is left. */
bool amqp_cursor_next(struct amqp_cursor *c, bool lines, char **part,
    size_t *len, enum endpoint_status *status);
bool amqp_cursor_is_done(const struct amqp_cursor *c);

#endif
