/*
 * emit: collects the lines of one tenant's snapshot between a begin and an end
 * marker, and writes it to an endpoint when it is complete. Therefore no line
 * of a failed poll is written, and the lines of tenants are never mixed.
 */
#ifndef POLLER_CHATS_EMIT_H
#define POLLER_CHATS_EMIT_H

#include "common/base/buf.h"
#include "common/endpoint/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emit {
	struct endpoint *to; /* borrowed */
	const char *tenant;  /* borrowed */
	char id[48];         /* of the snapshot; "" before emit_begin() */
	int64_t at;          /* in its begin marker */
	uint64_t records;
	bool broken; /* writing failed, see endpoint_why() */

	/* Private. */
	struct buf line, prefix;
	struct buf whole; /* the lines so far */
};

void emit_init(struct emit *e, struct endpoint *to, const char *tenant);
void emit_release(struct emit *e);

/* Creates the snapshot's id and adds the begin marker. */
void emit_begin(struct emit *e, int64_t at);

/* Adds one record; body: its members without braces. */
void emit_record(
    struct emit *e, const char *type, const char *body, size_t len);

/* Adds the end marker and writes all lines. */
void emit_end(struct emit *e, int64_t at);

#endif
