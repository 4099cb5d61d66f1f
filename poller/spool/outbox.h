/*
 * outbox: makes the records of requests safe, and tells when they are. Many
 * requests wait for one confirmation: what comes while a batch is on its way
 * is the next batch.
 *
 * Two threads of its own. The publisher owns the endpoint: it writes, flushes,
 * and may be stuck there as long as the broker likes. The spool writer looks
 * after the rest: when a batch is not confirmed within wait_timeout, or the
 * broker is known to be away, it takes the batch and all that comes: into the
 * spool, one sync for all who wait, and that is success as well; or, without a
 * spool, the answer is that the client is to come again. What is in the
 * spool is published in order when the broker is back; until that is done
 * everything goes through it, so that the order is kept.
 *
 * No lock is held during I/O, but for the removal of a file. Nobody waits
 * longer than wait_timeout, one sync and some milliseconds.
 *
 * Dead letters (lines of type "dead") go to the queue of that name beside the
 * endpoint's; by hand to files, or, without a folder for them, to stderr.
 */
#ifndef POLLER_SPOOL_OUTBOX_H
#define POLLER_SPOOL_OUTBOX_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/pending_request.h"
#include "poller/spool/dead_letter_files.h"
#include "poller/spool/spool.h"

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
	struct dead_letter_files *letters; /* likewise */
	struct outbox_counts *counts;      /* borrowed */
	int64_t wait_timeout_ms;
};

/* Reaches for the endpoint once, so that a wrong name or password ends here:
 * NULL, the code and *why. A broker that is away is no failure. Owned. */
struct outbox *outbox_open(const struct outbox_options *opt,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* One of the outbox's threads calls p->done(). */
void outbox_put(struct outbox *o, struct pending_request *p);

/* True when nothing can be made safe any more: nobody reads the pipe (code
 * PROG_OK), the disk is full, the broker refuses us. Requests are answered all
 * the same. */
bool outbox_has_ended(struct outbox *o, enum exit_code *code);

/* How it is now, for who asks after it. */
struct outbox_view {
	bool confirms;    /* the endpoint takes what comes; a broker confirms */
	bool keeps;       /* the spool does, or would */
	uint64_t waiting; /* lines that are not published, about */
};

/* Does not wait. A broker that went away is noticed within some seconds. */
void outbox_look(struct outbox *o, struct outbox_view *view);

/* Answers all requests, ends the threads, closes endpoint and spool. Nobody
 * may put any more. NULL is fine. */
void outbox_close(struct outbox *o);

#endif
