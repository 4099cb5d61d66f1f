/*
 * staging: snapshots that are arriving. The lines of a snapshot are kept, and
 * change nothing until all of them have arrived:
 *
 *   begin marker   end marker, and as        staging_apply()
 *                  many lines as it says
 *   -------------> OPEN -----------> COMPLETE --------------> APPLIED
 *                    |
 *                    +--------------------------------------> DROPPED
 *                      a snapshot begins that is not older, it begins
 *                      again (with a state: with another begin marker), a
 *                      customer is erased, or no line arrives for a week
 *
 * A tenant has at most one open or complete snapshot. Applying it reads the
 * lines back and corrects the tenant. A snapshot is ignored, as if it had
 * been dropped immediately, if it is older than the open one or one that was
 * applied, or if it begins in the future; its begin marker then becomes a dead
 * letter. An equal time is not older. The ids of the latest 64 snapshots of a
 * tenant that are over (applied, dropped or ignored) are remembered: later
 * lines of them do not count.
 *
 * A stream has a state, which is temporary without --state; a run that reads a
 * file has none. With a state, lines are kept there, so the messages that
 * brought them are acknowledged long before the snapshot is complete. The
 * commit in which a snapshot corrects its tenant also removes its lines. After
 * a crash, lines that were not committed are delivered again; lines that were
 * committed are recognized: lines of the open snapshot by their bytes, because
 * all lines of a snapshot differ; lines of a snapshot that is over by its id.
 *
 * A bad record that contains its tenant and its snapshot is refused, but still
 * counts as a line of the snapshot, which continues without it. So does a
 * record from the future; one of an unknown type counts, and changes nothing. A
 * bad line without tenant or snapshot belongs to no snapshot, so its snapshot
 * will be incomplete.
 */
#ifndef AGGREGATOR_INPUT_STAGING_H
#define AGGREGATOR_INPUT_STAGING_H

#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"

#include "aggregator/state/state.h"
#include "aggregator/tenant/pipeline.h"

struct staging {
	struct state *state; /* NULL: everything is in memory */
	struct lmdb_table *snapshots, *staged;
	struct strmap tenants; /* name -> struct staging_tenant */
	bool changed;          /* since the last staging_save() */
	bool ready;            /* some snapshot is complete */
	uint64_t failed;       /* snapshots that were logged as incomplete */
	uint64_t ahead;        /* lines that were refused because they are from
				* the future */

	/* Set by the caller. */
	struct future *future;
	void *ctx; /* for refuse() and begin() */
	/* Refuses a bad line, with the reason. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* Returns the tenant's number in the state; not used without one. */
	uint32_t (*number)(void *ctx, struct text tenant);
	/* Correct a tenant with a complete snapshot: begin() returns the
	 * tenant, which the others get; add() gets its operators, chats,
	 * coverage and names, then its messages, and no other records; without
	 * a state, all its records in their order. */
	void *(*begin)(void *ctx, struct text tenant, int64_t at);
	/* -1: an error, which has been logged. */
	int (*add)(
	    void *tenant, const struct record *r, const char *line, size_t len);
	void (*end)(void *tenant, const char *snapshot);
};

/* With a state: opens its tables. Errors are those of the state. */
void staging_open(struct staging *s, struct state *state);
/* Reads a tenant's snapshots from the state. */
void staging_load(struct staging *s, struct text tenant);
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

/* True if a snapshot of that tenant is complete. */
bool staging_is_ready(const struct staging *s, struct text tenant);

/* Applies all complete snapshots. Call it before each flush, and before a
 * record of a tenant for which staging_is_ready() is true. Returns -1 as add()
 * does. */
int staging_apply(struct staging *s) __attribute__((warn_unused_result));

/* Drops the open snapshot of that tenant. */
void staging_forget(struct staging *s, struct text tenant);

/* At the end of the input: reports each unfinished snapshot, and counts it in
 * s->failed. With a state, a snapshot without an end marker may continue with
 * the next input and is not reported. */
void staging_report_unfinished(struct staging *s);

/* If the line of the record that the model has just taken must be passed
 * through in another form, appends that and returns true: without the field
 * `snapshot`; a message with the time of its first version. A later version
 * that has no updated_at gets its number, in ms since 1970, so that the sink
 * stores the one that arrived last. */
bool staging_restate(struct buf *to, const struct model *m,
    const struct record *r, const char *line, size_t len);

#endif
