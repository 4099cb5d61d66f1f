/*
 * staging: snapshots that come over a queue. Each line goes into its tenant's
 * spool at once, so that a snapshot never waits for its own end behind a full
 * prefetch window; when all lines between its markers are there it is read from
 * the spool and published, and only then is the spool removed. Published means
 * that its rows are written (queue.c) or that it corrected its tenant's stream
 * (stream.c).
 *
 * A snapshot that went through an exchange comes in parts
 * (common/records/bucket.h). They share one spool, so that many small ones cost
 * no more than one that is large; by_part, each is published as soon as it is
 * whole, else all at once.
 *
 * The folder holds, besides its lock:
 *
 *   version          "aggregator 1"
 *   TENANT.spool     the unfinished snapshot, see staging_file.h
 *   TENANT.done      the last snapshots that were published, or dropped
 *
 * What may happen, and what it leads to:
 *   a crash before staging_flush() is DONE   the lines come again
 *   a crash after that                     the spool has them
 *   a crash while rows are published       they are published again, the same
 *   a message comes again                  its lines are known by its id; if
 *                                          it has none, by their bytes: see
 *                                          staging_lines.h
 *   a newer snapshot begins                an unfinished one is dropped, told,
 *                                          and so is what is unfinished of one
 *                                          in parts
 *   a snapshot that was published or dropped, or is older, comes again
 *                                          its lines are passed over
 *   a file is not what was written here    it is refused; but when it ends too
 *                                          early, or is gone, the lines it
 *                                          lacks are told of as above: dead
 *                                          letters of a snapshot that did not
 *                                          begin, or one that is not whole
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_H
#define AGGREGATOR_SNAPSHOT_STAGING_H

#include "common/base/prog.h"
#include "common/containers/strmap.h"

#include "aggregator/tenant/intake.h"

/* How many published or dropped snapshots of a tenant are remembered. */
#define STAGING_DONE 8

struct staging {
	char *dir;
	int lock;
	struct strmap tenants;       /* name -> private */
	struct staging_tenant *last; /* of the line before, */
	unsigned last_part;          /* and its part */
	struct record record;
	struct flat flat;
	bool warned_every;   /* that records of a stream are not wanted */
	bool unpublished;    /* something became whole since the last flush */
	uint64_t failed;     /* snapshots that were dropped unfinished */
	enum exit_code code; /* why an answer was NEVER */

	/* Given by the caller. */
	const struct pipeline_setup *setup; /* of what publish is given */
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
	/* Makes sure of what was written; also called before a snapshot is
	 * published: what came before its end is to be safe before. */
	enum outcome (*confirm)(void *ctx);
};

/* Opens the folder, creates it if need be, and takes its lock. The callbacks
 * are set before. -1: *why and in->code. */
int staging_open(struct staging *in, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
void staging_close(struct staging *in);

/* Where a line came from. */
struct staging_source {
	const char *id;      /* of the broker's message; NULL: it has none */
	uint64_t number;     /* of the line within it; 0: not known */
	uint64_t connection; /* to the broker */
	bool again;          /* may have come through an earlier one */
};

/* One line. */
enum outcome staging_add(struct staging *in, const char *line, size_t len,
    const struct staging_source *from) __attribute__((warn_unused_result));

/* Syncs what was added and publishes what is whole. May be called again after
 * LATER. */
enum outcome staging_flush(struct staging *in)
    __attribute__((warn_unused_result));

/* Something of that tenant is whole and not published. */
bool staging_has_unpublished(const struct staging *in, struct text tenant);

/* Removes unfinished snapshots that nobody went on with for a week: they are
 * personal data. */
void staging_expire(struct staging *in);

/* Snapshots that have an end marker but not all their lines, or parts; told of,
 * because nothing more will come. */
size_t staging_report_incomplete(const struct staging *in);

#endif
