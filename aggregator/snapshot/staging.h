/*
 * staging: snapshots that come over a queue. Each line is written to its
 * tenant's spool at once, so that its message can be acknowledged long before
 * the snapshot ends and a snapshot may be larger than the prefetch window. When
 * all lines between its markers are there, the snapshot is read back from the
 * spool and published, and only then is the spool removed. Published means that
 * its rows are written (aggregator/modes/queue.c) or that it corrected its
 * tenant's stream (aggregator/stream/stream_snapshot.c).
 *
 * A snapshot that came through an exchange is in parts
 * (common/records/bucket.h). They share one spool, so that many small parts
 * cost no more than one large snapshot. With by_part each part is published as
 * soon as it is whole, else all of them together.
 *
 * The folder holds, besides its lock:
 *
 *   version          "aggregator 1"
 *   TENANT.spool     the unfinished snapshot, see staging_spool.h
 *   TENANT.done      the last snapshots that were published, dropped or
 *                    ignored
 *
 * What may happen, and what follows:
 *   a crash before staging_flush() returns DONE
 *                                   the lines come again
 *   a crash after that              the spool has them
 *   a crash during publishing       the same rows are published again
 *   lines come again                they are recognized by their bytes: lines
 *                                   of a snapshot differ from each other
 *   a newer snapshot begins         an unfinished one, or what is unfinished of
 *                                   one in parts, is dropped and logged
 *   lines of a snapshot that was published or dropped come, of an older one, or
 *   of one that begins in the future
 *                                   they are ignored
 *   a file ends too early, or is missing
 *                                   what comes of its snapshot is logged as not
 *                                   whole, or becomes dead letters
 *   a file has other contents than were written
 *                                   it is refused
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_H
#define AGGREGATOR_SNAPSHOT_STAGING_H

#include "common/base/prog.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"

#include "aggregator/tenant/intake.h"

/* How many snapshots of a tenant that are over are remembered: as many as may
 * come again, or lines of those before become dead letters. */
#define STAGING_DONE 64

struct staging {
	char *dir;
	int lock;
	struct strmap tenants;       /* name -> struct staging_tenant */
	struct staging_tenant *last; /* tenant of the line before */
	unsigned last_part;          /* part of the line before */
	bool outside;                /* the line before was of no snapshot */
	struct record record;
	struct flat flat;
	bool warned_every; /* logged that stream records are refused */
	bool unpublished;  /* a part became whole since the last flush */
	uint64_t failed;   /* snapshots that were dropped unfinished */
	uint64_t ahead;    /* lines that were refused, of the future */
	bool refused;      /* the marker in hand is; that is to be confirmed */
	enum exit_code code; /* why an outcome was NEVER */

	/* Set by the caller before staging_open(). */
	const struct pipeline_setup *setup; /* of the intake for publish() */
	bool by_part;
	void *ctx; /* of the callbacks */
	/* Receives a bad line and the reason why it is bad; NULL: one that
	 * could not be read. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* True if a record of a whole snapshot is to be passed through. NULL:
	 * none is. */
	bool (*passes)(void *ctx, struct record *r);
	/* Writes the rows of the one whole snapshot in the intake; only those
	 * of the parts in intake->wanted, unless that is NULL. */
	enum outcome (*publish)(void *ctx, struct intake *in);
	/* Confirms everything written so far. Called after publish(), after
	 * refuse() of a snapshot of the future, and before the end of a
	 * snapshot is synced: what came before that end must be safe first. */
	enum outcome (*confirm)(void *ctx);
};

/* Opens the folder, creates it if it is missing, and locks it. -1: *why and
 * in->code. */
int staging_open(struct staging *in, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
void staging_close(struct staging *in);

/* Takes one line, which needs 64 readable bytes behind it. */
enum outcome staging_add(struct staging *in, const char *line, size_t len)
    __attribute__((warn_unused_result));

/* The same for a line that could not be read, and why: it is refused without
 * its bytes, and counts for the snapshot that it seems to belong to. number: of
 * the line in its message, by which it is recognized when it comes again. */
enum outcome staging_add_unread(struct staging *in, const char *why,
    uint64_t number) __attribute__((warn_unused_result));

/* The line before the next one is of no snapshot, and was not added. */
void staging_outside(struct staging *in);

/* Syncs the lines that were added and publishes what is whole. After LATER it
 * may be called again. */
enum outcome staging_flush(struct staging *in)
    __attribute__((warn_unused_result));

/* True if a snapshot of that tenant, or a part of it, is whole and not yet
 * published. */
bool staging_has_unpublished(const struct staging *in, struct text tenant);

/* Removes all unfinished snapshots, and what is remembered of others: what they
 * corrected is gone, and they may come again. */
enum outcome staging_start_anew(struct staging *in)
    __attribute__((warn_unused_result));

/* Removes the unfinished snapshot of that tenant; what still comes of it is
 * ignored. What was added before is flushed. */
enum outcome staging_forget(struct staging *in, struct text tenant)
    __attribute__((warn_unused_result));

/* Removes unfinished snapshots of which nothing came for a week: they are
 * personal data. */
void staging_expire(struct staging *in);

/* At the end of the input: logs the snapshots that have an end marker and not
 * all their lines, or not all their parts. Returns how many there are. */
size_t staging_report_incomplete(const struct staging *in);

#endif
