/*
 * eventcounter_impl: what the loop in eventcounter.c and the commit in
 * eventcounter_settle.c share; nobody else includes it.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IMPL_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IMPL_H

#include "common/endpoint/deadletter.h"

#include "aggregator/eventcounter/eventcounter.h"
#include "aggregator/eventcounter/eventcounter_event.h"
#include "aggregator/eventcounter/eventcounter_ids.h"

struct counter {
	const struct eventcounter_job *job;
	struct endpoint *in, *out;
	struct deadletter dead;
	struct state *state;
	struct state_table *counts; /* "TYPE\0USER" -> int64_t */
	struct ids ids;
	struct parts parts;
	struct flat flat;
	struct buf why, text;
	enum exit_code code;

	size_t pending;           /* messages since the last settling */
	int64_t pending_since_ms; /* when the first of them came */
	int64_t quiet_since_ms;   /* when the last one was processed */
	int64_t files_ms;         /* when the files were written */
	uint64_t files_counted;   /* how much was counted then */
	bool told_hold;
	int64_t version; /* of rows, without a state */

	uint64_t counted, duplicates, refused;
};

/* Does a step, again and again where a run that waits for ever may. When it is
 * not DONE, c->code says what to end with; the reason has been logged. */
enum outcome counter_insist(
    struct counter *c, enum outcome (*step)(struct counter *c));

/* Counts of the state into the partitions; state_failed() tells the rest. */
void counter_restore(struct counter *c);

/* Makes the effect of all that was read safe, and acknowledges it. */
enum outcome counter_settle(struct counter *c);

/* The files, when they are wanted; the partitions rest. */
enum outcome counter_write_files(struct counter *c);

/* Rows that a run before this one may have left unwritten; and the note that
 * there are none, at the end of a good run. */
enum outcome counter_write_old_rows(struct counter *c);
enum outcome counter_clear_old_rows(struct counter *c);

#endif
