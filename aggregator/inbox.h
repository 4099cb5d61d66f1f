/*
 * inbox: snapshots that come over a queue. Each line goes into its tenant's
 * spool at once, so that a snapshot never waits for its own end behind a full
 * prefetch window; when all lines between its markers are there it is read from
 * the spool and published, and only then is the spool removed. Published means
 * that its rows are written (queue.c) or that it corrected its tenant's stream
 * (stream.c).
 *
 * A snapshot that went through an exchange comes in parts (common/bucket.h).
 * They share one spool, so that many small ones cost no more than one that is
 * large; by_part, each is published as soon as it is whole, else all at once.
 *
 * The folder holds, besides its lock:
 *
 *   version          "aggregator 1"
 *   TENANT.spool     the unfinished snapshot, see spool.h
 *   TENANT.done      the last snapshots that were published
 *
 * What may happen, and what it leads to:
 *   a crash before inbox_flush() is DONE   the lines come again
 *   a crash after that                     the spool has them
 *   a crash while rows are published       they are published again, the same
 *   a message comes again                  its lines are known by its id
 *   a newer snapshot begins                an unfinished one is dropped, told,
 *                                          and so is what is unfinished of one
 *                                          in parts
 *   a snapshot that was published, or is older than one, comes again
 *                                          its lines are passed over
 */
#ifndef AGGREGATOR_INBOX_H
#define AGGREGATOR_INBOX_H

#include "common/prog.h"
#include "common/strmap.h"

#include "aggregator/intake.h"

/* How many published snapshots of a tenant are remembered. */
#define INBOX_DONE 8

struct inbox {
	char *dir;
	int lock;
	struct strmap tenants;     /* name -> private */
	struct inbox_tenant *last; /* of the line before, */
	unsigned last_part;        /* and its part */
	struct record record;
	struct flat flat;
	bool said_every;     /* that records of a stream are not wanted */
	uint64_t failed;     /* snapshots that were dropped unfinished */
	enum exit_code code; /* why an answer was NEVER */

	/* Given by the caller. */
	const struct drive_setup *setup; /* of what publish is given */
	bool by_part;
	void *ctx;
	/* A bad line: where it came from, and why it is bad. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* Whether a record of a snapshot that is whole is to be passed on;
	 * NULL: none is. */
	bool (*passes)(void *ctx, const struct record *r);
	/* Writes the rows of the one whole snapshot in the intake; of parts of
	 * it if intake->wanted names some. */
	enum outcome (*publish)(void *ctx, struct intake *in);
	/* Makes sure of what was written. */
	enum outcome (*confirm)(void *ctx);
};

/* Opens the folder, creates it if need be, and takes its lock. The callbacks
 * are set before. -1: *why and in->code. */
int inbox_open(struct inbox *in, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
void inbox_close(struct inbox *in);

/* One line; id and number of the line within its message, NULL and 0 when
 * that is not known. */
enum outcome inbox_add(struct inbox *in, const char *line, size_t len,
    const char *id, uint64_t number) __attribute__((warn_unused_result));

/* Syncs what was added and publishes what is whole. May be called again after
 * LATER. */
enum outcome inbox_flush(struct inbox *in) __attribute__((warn_unused_result));

/* Removes unfinished snapshots that nobody went on with for a week: they are
 * personal data. */
void inbox_expire(struct inbox *in);

/* Snapshots that have an end marker but not all their lines, or parts; told of,
 * because nothing more will come. */
size_t inbox_tell_incomplete(const struct inbox *in);

#endif
