/*
 * sums_due: sums that are computed when an hour is over, instead of with each
 * row: the responses of operators, channels and the tenant (hours and days of
 * response_rollups), from intervals; and message_analytics_hours, from
 * message_analytics. Also hours of channel_metrics from before the first poll
 * or webhook, from messages that were imported; the aggregator, which counts
 * messages as they arrive, has counted none of these, or only those of chats
 * that were open then.
 *
 * The table sums_due lists the hours whose rows are not all added up; for these
 * hours, readers use the rows instead. A transaction that stores a row of an
 * hour puts it on the list as its last write. The thread that computes the sums
 * locks the tenant, as transactions that store rows do, before it reads any row
 * of the hour, and removes the hour from the list in the same transaction.
 * Therefore either the sums include every stored row, or the hour is on the
 * list again. An hour that is not on the list and has no sums has no rows.
 * Deleted rows stay counted until another row of their hour is stored.
 */
#ifndef SINK_ROLLUP_SUMS_DUE_H
#define SINK_ROLLUP_SUMS_DUE_H

#include "common/base/text.h"
#include "common/db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An hour with stored rows. The text is borrowed. */
struct due_hour {
	struct text tenant;
	int64_t begin; /* ms since 1970, a full hour */
};

/* The hours of the rows that a transaction stores. */
struct due_hours {
	/* private */
	struct db_bulk *bulk;
	struct due_hour *list;
	size_t n, cap;
};

/* db is borrowed; release before db_close(). */
void due_hours_init(struct due_hours *d, struct db *db);
void due_hours_release(struct due_hours *d);

/* Clears the hours of the previous attempt. */
void due_hours_clear(struct due_hours *d);
void due_hours_add(struct due_hours *d, struct text tenant, int64_t hour);

/* Puts all hours of a time with messages on the list: an import of the tenant
 * is complete. Call it like due_hours_store(). */
enum outcome due_hours_store_messages(struct db *db, struct text tenant,
    int64_t begin, int64_t end) __attribute__((warn_unused_result));

/* Puts the hours on the list. Call within the transaction that stores their
 * rows, as its last write. */
enum outcome due_hours_store(struct due_hours *d)
    __attribute__((warn_unused_result));

/* Lists all hours of a tenant, or of all tenants (NULL), and computes those
 * that are over, while sinks may store rows. Counts of deleted rows stay in
 * message_analytics_hours. Ends early if the program is asked to stop: sinks
 * compute the remaining hours. *hours: the number of computed hours. */
enum outcome sums_recompute(struct db *db, const char *tenant, size_t *hours)
    __attribute__((warn_unused_result));

/* Computes sums in a separate thread, over its own connection. Each of several
 * sinks may have one. */
struct sums_maker;

/* Starts a thread. Owns db, which sums_maker_end() closes. */
struct sums_maker *sums_maker_start(struct db *db)
    __attribute__((warn_unused_result));
void sums_maker_end(struct sums_maker *m);

/* The alternative at the end of a run that is not a daemon: computes sums for
 * the given time, or two seconds if this is longer. Closes db. */
void sums_maker_run(struct db *db, int64_t ms);

#endif
