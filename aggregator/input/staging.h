/*
 * staging: snapshots that are arriving. When all lines of a part have arrived,
 * they are read back, and the part corrects its tenant. A snapshot that is not
 * in parts has one part.
 *
 * Lines that arrive through a queue are kept in the state, so their messages
 * can be acknowledged long before the snapshot ends, and a snapshot may be
 * larger than the prefetch window. The commit in which a part corrects its
 * tenant removes them. Without a state they are kept in memory, and a snapshot
 * in parts is refused.
 *
 *   table      key                     value
 *   snapshots  tenant                  its unfinished snapshot and the latest
 *                                      ones that are over
 *   staged     number of the snapshot, lines as they came
 *              part, number
 *
 * Nothing is durable before the state_commit() that follows staging_save().
 * After a crash, uncommitted lines are delivered again. Lines that were
 * committed are recognized:
 *
 *   lines of an unfinished snapshot  by their bytes, since all lines of a
 *                                    snapshot differ from each other
 *   lines of one that is over        by the snapshot's id; they are ignored
 *
 * A snapshot is over when it has been applied, when a newer one began before it
 * was complete (which is logged), when it is older than one that is over, or
 * when it begins in the future. From then on its lines do not count.
 */
#ifndef AGGREGATOR_INPUT_STAGING_H
#define AGGREGATOR_INPUT_STAGING_H

#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/input/markers.h"
#include "aggregator/state/state.h"
#include "aggregator/tenant/future.h"

/* The number of finished snapshots that are remembered for each tenant. Lines
 * of older ones become dead letters if they are delivered again. */
#define STAGING_OVER 64

struct staging_over {
	char *id;
	bool applied; /* these parts have been applied; no other line counts */
	bool in_parts;
	struct bucket_set parts;
};

struct staging_tenant {
	char *name;

	/* The unfinished snapshot. */
	struct markers *open; /* &markers; NULL: there is none */
	struct markers markers;
	struct dedup lines;                /* its lines so far */
	uint64_t number;                   /* the number of its lines in the
					    * state... */
	uint64_t pieces;                   /* ...and of its next piece there */
	int64_t changed_at;                /* by the system clock */
	struct buf pending[MARKERS_PARTS]; /* lines that are not in the
					    * state */

	struct staging_over over[STAGING_OVER]; /* the newest last */
	size_t over_n;
	int64_t over_at; /* time of the newest applied snapshot */
	bool changed;    /* since the last staging_save() */
};

struct staging {
	struct state *state; /* NULL: lines are kept in memory */
	struct lmdb_table *snapshots, *staged;
	struct strmap tenants; /* name -> struct staging_tenant */
	bool changed;          /* some tenant has changed */
	bool ready;            /* some part is complete and not yet applied */
	uint64_t failed;       /* snapshots that were dropped before they were
				* complete */
	uint64_t ahead;        /* lines that were rejected because they are from
				* the future */

	/* Set by the caller before staging_open(). */
	struct future *future;
	void *ctx; /* context of the callbacks */
	/* Refuses a bad line, with the reason. */
	enum outcome (*refuse)(
	    void *ctx, const char *line, size_t len, const char *reason);
	/* Correct the tenant with a complete snapshot, or with parts of one:
	 * add() gets its operators and chats, then its messages; without a
	 * state, all its records in their order. */
	void (*begin)(void *ctx, struct text tenant, int64_t at);
	/* -1: an error, which has been logged. */
	int (*add)(
	    void *ctx, const struct record *r, const char *line, size_t len);
	/* part is NULL if the snapshot is not in parts. */
	void (*end)(void *ctx, struct text tenant, const struct markers *m,
	    const struct bucket_set *part);
};

/* A line of the input. */
struct staging_line {
	const char *p;
	size_t len;
	struct record *record;   /* NULL if the line is bad */
	const struct flat *flat; /* the readable fields of a bad line */
	const char *why;         /* why the line is bad */
};

/* Reads the staging from the state. -1: an error, which state_commit() will
 * return. */
int staging_open(struct staging *in, struct state *state)
    __attribute__((warn_unused_result));
void staging_close(struct staging *in);

/* Adds a line that belongs to a snapshot or is bad. Returns LATER as refuse()
 * does, NEVER as refuse() does or after an error of add(). */
enum outcome staging_add(struct staging *in, const struct staging_line *l)
    __attribute__((warn_unused_result));

/* True if a snapshot of that tenant, or a part of one, is complete and not yet
 * applied. */
bool staging_is_ready(const struct staging *in, struct text tenant);

/* Applies all complete parts. Returns -1 as add() does. */
int staging_apply(struct staging *in) __attribute__((warn_unused_result));

/* Writes the changes to the state; call it before the commit. */
void staging_save(struct staging *in);

/* Ends the unfinished snapshot of that tenant. */
void staging_forget(struct staging *in, struct text tenant);

/* Drops snapshots that have received no line for a week, because lines are
 * personal data. */
void staging_expire(struct staging *in);

/* At the end of the input: reports snapshots that have an end marker but lack
 * lines. Returns their number. */
size_t staging_report_incomplete(const struct staging *in);

/* At the end of the input of a run without a state: reports each unfinished
 * snapshot, and counts it in in->failed. */
void staging_report_unfinished(struct staging *in);

#endif
