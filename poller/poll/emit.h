/*
 * emit: one tenant's snapshot, line by line, to an endpoint. Through an
 * exchange each bucket of chats goes its own way (common/records/bucket.h), so
 * there each has a begin and an end marker of its own, also where no chat is in
 * it: whoever reads it is to know that. What concerns all has two more.
 */
#ifndef POLLER_POLL_EMIT_H
#define POLLER_POLL_EMIT_H

#include "common/base/buf.h"
#include "common/endpoint/endpoint.h"
#include "common/records/bucket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emit {
	struct endpoint *to; /* borrowed */
	const char *tenant;  /* borrowed */
	char id[48];         /* of the snapshot; "": not begun */
	uint64_t records;
	bool broken; /* the endpoint takes no more: endpoint_why() */

	/* Private. */
	struct buf line, prefix;
	int64_t at;
	bool spread;                  /* the endpoint is an exchange */
	struct bucket_set begun;      /* parts that have their begin marker, */
	uint64_t parts[BUCKET_PARTS]; /* and how many lines each has */
	struct flat flat;
};

void emit_init(struct emit *e, struct endpoint *to, const char *tenant);
void emit_release(struct emit *e);

/* The begin marker or, of a snapshot that is spread, the one of what concerns
 * all: the others stand before the first line of theirs. Makes up the
 * snapshot's id. */
void emit_begin(struct emit *e, int64_t at);

/* One record. body holds members without braces, more (may be NULL) some
 * more of them. */
void emit_record(struct emit *e, const char *type, const char *body, size_t len,
    const struct buf *more);

/* The end marker, or all of them. */
void emit_end(struct emit *e, int64_t at);

#endif
