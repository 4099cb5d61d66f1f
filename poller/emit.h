/*
 * emit: one tenant's snapshot, line by line, to an endpoint.
 */
#ifndef POLLER_EMIT_H
#define POLLER_EMIT_H

#include "common/buf.h"
#include "common/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emit {
	struct endpoint *to; /* borrowed */
	const char *tenant;  /* borrowed */
	char id[48];         /* of the snapshot; "": not begun */
	uint64_t records;
	bool broken; /* the endpoint takes no more: endpoint_why() */
	struct buf line, prefix; /* private */
};

void emit_init(struct emit *e, struct endpoint *to, const char *tenant);
void emit_release(struct emit *e);

/* The begin marker; makes up the snapshot's id. */
void emit_begin(struct emit *e, int64_t at);

/* One record. body holds members without braces, more (may be NULL) some
 * more of them. */
void emit_record(struct emit *e, const char *type, const char *body, size_t len,
    const struct buf *more);

void emit_end(struct emit *e, int64_t at);

#endif
