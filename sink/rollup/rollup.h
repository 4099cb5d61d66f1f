/*
 * rollup: keeps response_rollups, the responses in UTC hours and days by
 * operator and for the tenant, consistent with its source rows: those of
 * response_hours, response_histogram and their parts.
 *
 * In the transaction that stores such rows, after everything else:
 *
 *   1 lock the tenant's days in order: with READ COMMITTED, the second
 *     transaction sees what the first one committed
 *   2 add up the hours of the changed operators again
 *   3 from the day's hours, add up these operators' days, and the tenant's
 *     hours and day
 *
 * All values are complete values computed from stored rows, so a row that is
 * redelivered or late does no harm. The cost depends on the operators and days
 * that have changed: a batch with the rows of one hour reads at most the hours
 * of a day.
 *
 * Sums by channel are computed later, from intervals: see sums_due.h.
 */
#ifndef SINK_ROLLUP_ROLLUP_H
#define SINK_ROLLUP_ROLLUP_H

#include "common/base/text.h"
#include "common/db/db.h"

#include <stddef.h>
#include <stdint.h>

/* An hour of an operator that has changed rows. Texts are borrowed. */
struct rollup_change {
	struct text tenant, operator_id;
	int64_t hour; /* ms since 1970, a full hour */
};

struct rollup {
	struct db *db; /* borrowed */

	/* private */
	struct db_bulk *put;
	struct rollup_change *changes;
	size_t changes_n, cap;
};

void rollup_init(struct rollup *r, struct db *db);
void rollup_release(struct rollup *r); /* before db_close() */

/* Clears the changes of the previous attempt. */
void rollup_begin(struct rollup *r);
void rollup_add(struct rollup *r, struct text tenant, int64_t hour,
    struct text operator_id);

/* Call within a transaction. */
enum outcome rollup_changed(struct rollup *r)
    __attribute__((warn_unused_result));

/* Recomputes response_rollups and message_analytics_hours from the stored rows,
 * day by day, each in its own transaction, while sinks may store rows. Counts
 * of deleted rows stay in message_analytics_hours. Covers all days of a tenant,
 * or of all tenants (NULL). Ends early if the program is asked to stop. *days:
 * the number of completed days. */
enum outcome recompute_all(struct db *db, const char *tenant, size_t *days)
    __attribute__((warn_unused_result));

#endif
