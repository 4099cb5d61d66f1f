/*
 * amqp_cursor: the current message of a queue, and how far its lines were
 * returned. Private to endpoint_amqp_read.c.
 */
#ifndef COMMON_ENDPOINT_AMQP_CURSOR_H
#define COMMON_ENDPOINT_AMQP_CURSOR_H

#include "common/amqp/amqp_inflow.h"
#include "common/endpoint/endpoint.h"

struct amqp_cursor {
	size_t max_line;
	bool whole; /* each message is one line, whatever is in it */

	bool in_hand; /* there is a message */
	struct amqp_message message;
	uint64_t serial;     /* its number, from 1 */
	uint64_t connection; /* the number of its connection */
	size_t at;           /* how far its lines were returned */
	uint64_t line;       /* number of the last line returned */
	uint64_t first;      /* of the first line returned with it */
	const char
	    *refusal; /* of the last TOOLONG; NULL: the line is too long */
};

/* Makes m the current message; the cursor owns it, and has none before. */
void amqp_cursor_take(struct amqp_cursor *c, struct amqp_message m,
    size_t max_message, uint64_t connection);
void amqp_cursor_release(struct amqp_cursor *c);

/* The next line (lines), or the next block of lines, which ends at some size or
 * before a line that is too long; *status is RECORD or TOOLONG. False when
 * nothing is left. */
bool amqp_cursor_next(struct amqp_cursor *c, bool lines, char **part,
    size_t *len, enum endpoint_status *status);
bool amqp_cursor_is_done(const struct amqp_cursor *c);

#endif
