/*
 * snapshots: what is kept of each tenant's snapshots: the lines of the
 * unfinished one, and the ids of the latest ones that are over. staging.h
 * decides what happens to a line.
 *
 * With a state, lines are kept in it, so their messages can be acknowledged
 * long before the snapshot ends, and a snapshot may be larger than the prefetch
 * window. Without a state they are kept in memory, and a line that comes twice
 * counts twice.
 *
 *   table      key                     value
 *   snapshots  tenant                  its unfinished snapshot and the latest
 *                                      ones that are over
 *   staged     number of the snapshot, lines as they came; a refused one
 *              part, number            follows a !
 *
 * Nothing is durable before the state_commit() that follows snapshots_save().
 */
#ifndef AGGREGATOR_INPUT_SNAPSHOTS_H
#define AGGREGATOR_INPUT_SNAPSHOTS_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/lmdb/lmdb_file.h"
#include "common/records/bucket.h"
#include "common/records/record.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/state/state.h"

/* The number of finished snapshots that are remembered for each tenant. Lines
 * of older ones become dead letters if they are delivered again. */
#define SNAPSHOTS_OVER 64

/* Index of the only part of a snapshot that is not in parts. */
#define SNAPSHOT_WHOLE BUCKET_PARTS
#define SNAPSHOT_PARTS (BUCKET_PARTS + 1)

struct snapshot_part {
	bool begun;
	bool applied;       /* it has corrected its tenant */
	int64_t records;    /* the number in its end marker; -1 until that
			     * arrives */
	uint64_t lines;     /* that have arrived */
	struct buf pending; /* lines that are not in the state */
};

struct snapshot_over {
	char *id;
	bool applied; /* these parts have been applied; no other line counts */
	bool in_parts;
	struct bucket_set parts;
};

struct tenant_snapshots {
	char *name;

	/* The unfinished snapshot. */
	char *id;   /* NULL: there is none */
	int64_t at; /* as_of in its begin marker */
	bool in_parts;
	struct snapshot_part parts[SNAPSHOT_PARTS];
	struct dedup lines;      /* its lines so far */
	uint64_t number, pieces; /* the numbers of its lines in the state, and
				  * of their next piece */
	int64_t changed_at;      /* by the system clock */

	struct snapshot_over over[SNAPSHOTS_OVER]; /* the newest last */
	size_t over_n;
	int64_t over_at; /* time of the newest applied snapshot */
	bool changed;    /* since the last snapshots_save() */
};

struct snapshots {
	struct state *state; /* NULL: everything is in memory */
	struct lmdb_table *snapshots, *staged;
	struct strmap tenants; /* name -> struct tenant_snapshots */
	bool changed;          /* some tenant has changed */
};

/* Reads the snapshots from the state. -1: an error, which state_commit() will
 * return. */
int snapshots_open(struct snapshots *s, struct state *state)
    __attribute__((warn_unused_result));
void snapshots_close(struct snapshots *s);

/* Writes the changes to the state; call it before each commit. */
void snapshots_save(struct snapshots *s);

/* Drops snapshots that have received no line for a week, because lines are
 * personal data. */
void snapshots_expire(struct snapshots *s);

/* Returns the tenant, created if missing. */
struct tenant_snapshots *snapshots_tenant(
    struct snapshots *s, struct text name);

/* Returns the entry of a snapshot that is over, at least in parts, or NULL. */
struct snapshot_over *snapshots_find_over(
    struct tenant_snapshots *t, struct text id);

/* True if that part of the snapshot is over. o: its entry, or NULL. */
bool snapshot_is_over(const struct snapshot_over *o, unsigned part);

/* From now on, no line of the snapshot counts, not even those of parts that
 * have been applied. */
void snapshots_ignore(
    struct snapshots *s, struct tenant_snapshots *t, struct text id);

/* The unfinished snapshot. */

/* True if it has that id. */
bool snapshots_is_open(const struct tenant_snapshots *t, struct text id);

/* Begins a snapshot; there must be no other. in_parts: see
 * common/records/bucket.h. */
void snapshots_begin(struct snapshots *s, struct tenant_snapshots *t,
    struct text id, int64_t at, bool in_parts);

/* Begins a part with its begin marker. */
void snapshots_begin_part(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, struct text line);

/* Adds a line. False if the snapshot already has this line: a queue delivers
 * lines again, a pipe does not. refused: the line only counts as one, and is
 * kept so that it is no longer a record. */
bool snapshots_add_line(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, struct text line, bool refused);
bool snapshots_has_line(const struct tenant_snapshots *t, struct text line);

/* True if the part, or some part, is complete and not yet applied. */
bool snapshot_part_is_whole(const struct snapshot_part *p);
bool snapshots_has_whole_part(const struct tenant_snapshots *t);

/* Calls back for all lines of a part, in pieces of several lines; the key is to
 * be ignored. */
void snapshots_read_part(struct snapshots *s, struct tenant_snapshots *t,
    unsigned part, lmdb_entry_fn *piece, void *ctx);

/* Records that the complete parts have been applied; removes their lines. */
void snapshots_finish_parts(struct snapshots *s, struct tenant_snapshots *t);

/* Drops the snapshot. */
void snapshots_drop(struct snapshots *s, struct tenant_snapshots *t);

#endif
