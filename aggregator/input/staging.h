/*
 * staging: snapshots that are arriving. A snapshot that went through an
 * exchange arrives as bucket parts: each has the lines of one bucket and its
 * own markers (common/records/bucket.h). Any other snapshot has one bucket part
 * with all lines. Here "part" always means a bucket part. When all lines of a
 * part have arrived, they are read back, and the part corrects its tenant.
 * Without a state, a snapshot in parts is refused.
 *
 * The commit in which a part corrects its tenant removes its lines. After a
 * crash, uncommitted lines are delivered again. Lines that were committed are
 * recognized:
 *
 *   lines of an unfinished snapshot  by their bytes, since all lines of a
 *                                    snapshot differ from each other
 *   lines of one that is over        by the snapshot's id; they are ignored
 *
 * A snapshot is over when it has been applied, when a newer one began before it
 * was complete (which is logged), when it is older than one that is over, or
 * when it begins in the future. From then on its lines do not count.
 *
 * A bad record that names its tenant and its snapshot is refused, but still
 * counts as a line of the snapshot, which continues without it. A bad line that
 * does not name them belongs to no snapshot, so its snapshot will be
 * incomplete.
 */
#ifndef AGGREGATOR_INPUT_STAGING_H
#define AGGREGATOR_INPUT_STAGING_H

#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/records/bucket.h"
#include "common/records/scan.h"

#include "aggregator/state/state.h"
#include "aggregator/tenant/pipeline.h"

struct staging {
	struct state *state; /* NULL: everything is in memory */
	struct lmdb_table *snapshots, *staged;
	struct strmap tenants; /* name -> struct staging_tenant */
	struct flat flat;      /* scratch memory */
	bool changed;          /* since the last staging_save() */
	bool ready;            /* some bucket part is complete and not yet
				* applied */
	uint64_t failed;       /* snapshots that were dropped before they were
				* complete */
	uint64_t ahead;        /* lines that were rejected because they are from
				* the future */

	/* Set by the caller. */
	struct future *future;
	void *ctx; /* for refuse() and begin() */
	/* Refuses a bad line, with the reason. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* Correct a tenant with a complete snapshot, or with parts of one:
	 * begin() returns the tenant, which the others get; add() gets its
	 * operators and chats, then its messages; without a state, all its
	 * records in their order. */
	void *(*begin)(void *ctx, struct text tenant, int64_t at);
	/* -1: an error, which has been logged. */
	int (*add)(
	    void *tenant, const struct record *r, const char *line, size_t len);
	/* buckets: those of the parts that were added; NULL: the snapshot is
	 * not in parts. */
	void (*end)(void *tenant, const char *snapshot,
	    const struct bucket_set *buckets);
};

/* With a state: reads the snapshots from it. -1: an error, which state_commit()
 * will return. */
int staging_open(struct staging *s, struct state *state)
    __attribute__((warn_unused_result));
void staging_close(struct staging *s);

/* Writes the changes to the state; call it before each commit. */
void staging_save(struct staging *s);

/* Drops snapshots that have received no line for a week. */
void staging_expire(struct staging *s);

/* True if the staging takes the record; all others are outside snapshots. */
static inline bool
staging_takes(const struct record *r)
{
	return r->snapshot.p != NULL || r->type == RECORD_UNKNOWN ||
	       r->type == RECORD_ROW;
}

/* Adds the line that was just scanned, and is bad or a record that the staging
 * takes. scanned: the result of scan_record(). Rows are refused: an
 * aggregator's output has the markers of a snapshot and would look like a
 * snapshot without operators and chats. Returns LATER as refuse() does, NEVER
 * as refuse() does or after an error of add(). */
enum outcome staging_add(struct staging *s, const struct scan *scan,
    int scanned, struct record *r) __attribute__((warn_unused_result));

/* True if a snapshot of that tenant, or a part of one, is complete and not yet
 * applied. */
bool staging_is_ready(const struct staging *s, struct text tenant);

/* Applies all complete parts. Returns -1 as add() does. */
int staging_apply(struct staging *s) __attribute__((warn_unused_result));

/* Ends the unfinished snapshot of that tenant. */
void staging_forget(struct staging *s, struct text tenant);

/* At the end of the input: reports each unfinished snapshot, and counts it in
 * s->failed. With a state, a snapshot without an end marker may continue with
 * the next input and is not reported. */
void staging_report_unfinished(struct staging *s);

/* Appends a record's line without the field `snapshot`, and with another time
 * unless that is CLOCK_NONE. */
void staging_strip(struct buf *to, const char *line, size_t len, int64_t at);

#endif
