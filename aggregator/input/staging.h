/*
 * staging: snapshots that come over a queue. Their lines are kept in the state,
 * so that their messages are acknowledged long before a snapshot ends and a
 * snapshot may be larger than the prefetch window. When all lines of a part are
 * there, it is read back and corrects its tenant, in the same commit that
 * removes its lines; a snapshot that is not in parts has one part.
 *
 *   table      key                     value
 *   snapshots  tenant                  what is known of its snapshots: the
 *                                      unfinished one and the last that are
 *                                      over
 *   staged     number of the snapshot, lines as they came
 *              part, number
 *
 * Nothing here is durable before the state_commit() that follows
 * staging_save(); so, after a crash at any time, what was not committed comes
 * again, and what was is known:
 *
 *   lines of an unfinished snapshot  are recognized by their bytes: lines of a
 *                                    snapshot differ from each other
 *   lines of one that is over        are ignored
 *
 * A snapshot is over when it was applied; when a newer one began before it was
 * whole, which is logged; when it is older than one that is over, or begins in
 * the future. No line of it counts any more.
 */
#ifndef AGGREGATOR_INPUT_STAGING_H
#define AGGREGATOR_INPUT_STAGING_H

#include "common/endpoint/endpoint.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/input/snapshot.h"
#include "aggregator/state/state.h"

/* How many snapshots of a tenant that are over are remembered: as many as may
 * come again, or lines of those before become dead letters. */
#define STAGING_OVER 64

struct staging_over {
	char *id;
	bool applied; /* these parts were; else nothing of it counts */
	bool in_parts;
	struct bucket_set parts;
};

struct staging_tenant {
	struct marked_tenant marked; /* first */
	char *name;

	/* The unfinished snapshot. */
	struct markers markers;
	struct dedup lines;                /* that came of it */
	uint64_t number;                   /* of its lines in the state, */
	uint64_t pieces;                   /* and of the next of these */
	int64_t changed_at;                /* by the clock */
	struct buf pending[MARKERS_PARTS]; /* not in the state yet */

	struct staging_over over[STAGING_OVER]; /* the newest last */
	size_t over_n;
	int64_t over_at; /* of the newest that was applied */
	bool changed;    /* since the last staging_save() */
};

struct staging {
	struct state *state;
	struct state_table *snapshots, *staged;
	struct strmap tenants; /* name -> struct staging_tenant */
	bool changed;          /* some tenant is */
	bool ready;            /* some part is whole and not applied */
	uint64_t failed;       /* snapshots that were dropped unfinished */
	uint64_t ahead;        /* lines that were refused, of the future */

	/* Set by the caller before staging_open(). */
	const struct pipeline_setup *setup; /* of a snapshot's pipeline */
	struct passing passing;             /* of the records of a whole one */
	void *ctx;                          /* of the callbacks */
	/* Receives a bad line and the reason why it is bad. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* Corrects the tenant; part NULL: the snapshot is not in parts. -1: an
	 * error, which was logged. */
	int (*apply)(void *ctx, struct text tenant, struct snapshot *s,
	    const struct bucket_set *part);
};

/* A line of the input. */
struct staging_line {
	const char *p;
	size_t len;
	struct record *record;   /* NULL: the line is bad */
	const struct flat *flat; /* what could be read of a bad line */
	const char *why;         /* why it is bad */
};

/* Reads what the state has; -1: an error, which state_commit() returns. */
int staging_open(struct staging *in, struct state *state)
    __attribute__((warn_unused_result));
void staging_close(struct staging *in);

/* Takes a line that is of a snapshot, or bad. LATER: as refuse(). NEVER: as
 * refuse() or apply(). */
enum outcome staging_add(struct staging *in, const struct staging_line *l)
    __attribute__((warn_unused_result));

/* A snapshot of that tenant, or a part of it, is whole and not yet applied. */
bool staging_is_ready(const struct staging *in, struct text tenant);

/* Applies what is whole. -1: as apply(). */
int staging_apply(struct staging *in) __attribute__((warn_unused_result));

/* Puts what changed into the state, before its commit. */
void staging_save(struct staging *in);

/* The unfinished snapshot of that tenant is over. */
void staging_forget(struct staging *in, struct text tenant);

/* Drops snapshots that got no line for a week, because lines are personal
 * data. */
void staging_expire(struct staging *in);

/* At the end of the input: logs whether snapshots have an end marker and not
 * all their lines. Returns how many. */
size_t staging_report_incomplete(const struct staging *in);

#endif
