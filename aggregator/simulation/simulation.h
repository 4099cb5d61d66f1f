/*
 * simulation: replays a day with other limits to show who would have been
 * assigned which chat, and how long each chat would have waited. It applies the
 * day's records to a model, and allocation to the model.
 *
 * The records determine who worked when, and when chats arrived and were
 * closed. A chat that arrived without an operator is assigned by the
 * simulation, at once and until it ends, regardless of what the CRM did then.
 * When it is reopened, the record that reopens it names the assignee; otherwise
 * it still has the same operator. A chat that had an operator in its first
 * record keeps this operator and counts in their load.
 */
#ifndef AGGREGATOR_SIMULATION_SIMULATION_H
#define AGGREGATOR_SIMULATION_SIMULATION_H

#include "common/json/json_text.h"
#include "common/records/record.h"

#include "aggregator/allocation/allocation.h"
#include "aggregator/metrics/metric.h"

enum replay_kind {
	REPLAY_RECORD,
	REPLAY_SNAPSHOT_BEGIN, /* the records from here... */
	REPLAY_SNAPSHOT_END,   /* ...to there are a snapshot */
};

/* The lines of chats, messages, operators and limits of a day. A zeroed struct
 * is empty. */
struct replay_log {
	struct replay_entry *v;
	size_t n, cap;
	struct buf lines;
	struct flat flat; /* fields of the last entry read */
};

void replay_log_release(struct replay_log *log);

/* Appends a record and its line, unless an allocation does not need it.
 * snapshot_at: the begin of its snapshot, or CLOCK_NONE. */
void replay_log_add(struct replay_log *log, const struct record *r,
    const char *line, size_t len, int64_t snapshot_at);

/* Appends the begin or the end of a complete snapshot. */
void replay_log_mark(struct replay_log *log, enum replay_kind what, int64_t at);

struct simulation;

/* Runs the simulation. Sorts the log and borrows it until simulation_free().
 * limit replaces the limits in the records, unless it is RECORD_NO_NUMBER.
 * Never returns NULL; the result is partial if stop_asked(). */
struct simulation *simulation_run(const char *tenant, struct replay_log *log,
    const struct allocation_settings *set, int64_t limit);
/* NULL is allowed. */
void simulation_free(struct simulation *w);

/* Writes each assignment as a record. Returns 0, or -1 as soon as line()
 * does. */
int simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx);

/* Appends a table for people. */
void simulation_table(const struct simulation *w, struct buf *to);

#endif
