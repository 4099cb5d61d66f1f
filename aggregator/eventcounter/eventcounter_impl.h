/*
 * eventcounter_impl: what the read loop in eventcounter.c, the commit in
 * eventcounter_commit.c and the orders in eventcounter_forget.c share. No other
 * file includes it.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IMPL_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IMPL_H

#include "common/monitoring/daemon_metrics.h"
#include "common/stage/deadletter.h"

#include "aggregator/eventcounter/eventcounter.h"
#include "aggregator/eventcounter/eventcounter_event.h"
#include "aggregator/orders/forget_orders.h"
#include "aggregator/state/state.h"
#include "aggregator/tenant/pipeline.h"

/* Tables of the state: user and event -> count; span and version -> identities
 * of that span. */
#define COUNTS "events"
#define SEEN "seen"

struct counter {
	const struct eventcounter_job *job;
	bool wait_forever; /* the job has no end of its own */
	struct endpoint *in, *out;
	struct deadletter dead;
	struct daemon_metrics *metrics; /* NULL: none */
	struct state *state;
	struct state_table *counts_table, *seen_table;
	bool has_runs;       /* of identities, in the state */
	uint16_t oldest_run; /* the oldest span of these */
	struct metric_selection selection;
	struct future future;     /* no record is of it */
	struct pipeline pipeline; /* of the tenant */
	struct flat flat;
	struct buf why, text;
	enum exit_code code;

	size_t pending;           /* messages since the last commit */
	int64_t pending_since_ms; /* when the first of them came */
	int64_t quiet_since_ms;   /* when the last one was processed */
	int64_t files_ms;         /* when the files were written */
	uint64_t files_counted;   /* the value of counted at that time */
	bool hold_reported;
	int64_t version; /* of rows */

	uint64_t counted, duplicates, refused;

	/* See eventcounter_forget.c; monotonic. */
	int64_t looked_ms;
	bool forgets;                /* there are orders: the run ends */
	struct strmap unread;        /* paths of orders that cannot be read */
	struct forget_orders orders; /* that this run began with */
	struct strmap aliases;       /* a hash of a user's id -> char * */
	uint64_t seed[2];            /* of these hashes */
};

/* Runs the step; a run without an end of its own repeats it while its outcome
 * is LATER. When the result is not DONE, c->code is the exit code and the
 * reason has been logged. */
enum outcome counter_retry(
    struct counter *c, enum outcome (*step)(struct counter *c));

/* What was read so far, for Prometheus. */
void counter_tell(const struct counter *c);

/* Loads counts and identities of the state; errors are in state_failed(). */
void counter_restore(struct counter *c);

/* The tenant's time is that of the system. */
void counter_pass_time(struct counter *c);

/* Before the state is opened: reads the orders to forget customers, and writes
 * the state again; behind that, when the counts are restored: the files, and
 * the orders are done, or an error was logged. */
enum exit_code counter_forget_begin(
    struct counter *c, const struct state_identity *id, size_t limit)
    __attribute__((warn_unused_result));
enum exit_code counter_forget_end(struct counter *c)
    __attribute__((warn_unused_result));

/* Whether there are orders, and the run has to end. Call it often. */
bool counter_forget_look(struct counter *c);

/* Loads who was forgotten; under which name a user counts, borrowed. */
void counter_restore_aliases(struct counter *c);
struct text counter_user(const struct counter *c, struct text user);

/* Makes the effect of all messages read so far durable, then acknowledges
 * them. */
enum outcome counter_commit(struct counter *c);

/* Writes the files, if there is a folder for them. */
enum outcome counter_write_files(struct counter *c);

/* Writes the rows that an earlier run may have left unwritten; and, at the end
 * of a good run, records in the state that there are none. */
enum outcome counter_write_old_rows(struct counter *c);
enum outcome counter_clear_old_rows(struct counter *c);

#endif
