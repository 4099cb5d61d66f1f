/*
 * outbox: makes the lines of requests safe before they are answered: published
 * and confirmed by the broker, or synced to the spool. It has two threads.
 *
 * The publisher owns the endpoint. It publishes in batches: the requests that
 * come while one batch is on its way are the next one. It may block as long as
 * the broker does.
 *
 * The spool writer takes over in an outage: when a batch is not confirmed
 * within wait_timeout, or the broker is away. It writes the batch and what
 * comes into the spool, one sync for all of them, which is success as well;
 * without a spool the requests are refused. When the broker is back, the spool
 * is published in order, and all requests go through it until it is empty.
 *
 * No lock is held during I/O, but for the removal of a file and one sync at the
 * end of an outage. No request waits longer than wait_timeout, one sync and
 * some milliseconds.
 *
 * Dead letters (lines of type "dead") go to the broker's queue NAME.dead; if
 * the endpoint is no broker, to files. Without a folder for them a request that
 * has one is refused, as any whose lines cannot be made safe.
 */
#ifndef POLLER_OUTBOX_OUTBOX_H
#define POLLER_OUTBOX_OUTBOX_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/pending_request.h"
#include "poller/outbox/dead_letter_files.h"
#include "poller/outbox/spool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct outbox;

/* What an outbox counts, by all its threads. */
struct outbox_counts {
	atomic_ullong spooled; /* requests whose lines went to the disk */
	atomic_ullong drained; /* lines published from there */
};

struct outbox_options {
	const char *to;          /* the endpoint */
	const struct conf *conf; /* outlives the outbox */
	struct spool *spool;     /* NULL: none; taken over, on failure too */
	struct dead_letter_files *dead_letter_files; /* likewise */
	struct outbox_counts *counts;                /* borrowed */
	int64_t wait_timeout_ms;
};

/* Connects once, so that a wrong name or password ends here: NULL, the code and
 * *why. A broker that is away is no failure. Owned. */
struct outbox *outbox_open(const struct outbox_options *opt,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Takes a request; one of the outbox's threads calls p->done(), or this does
 * for one that is refused at once. */
void outbox_put(struct outbox *o, struct pending_request *p);

/* True when no more lines can be made safe: the reader of the pipe is gone
 * (code PROG_OK), the disk is full, the broker refuses us. Requests are still
 * answered. */
bool outbox_has_ended(struct outbox *o, enum exit_code *code);

/* Its health. */
struct outbox_view {
	bool confirms;    /* the endpoint took, the broker confirmed the last */
	bool keeps;       /* the spool takes lines, or would */
	uint64_t waiting; /* about how many lines are not published */
};

/* Does not block. An outage shows within some seconds. */
void outbox_look(struct outbox *o, struct outbox_view *view);

/* Answers all requests, ends the threads, closes endpoint and spool. No request
 * may be put any more. NULL is fine. */
void outbox_close(struct outbox *o);

#endif
