/*
 * rollup: keeps response_rollups, the responses of hours and days of UTC by
 * operator and of the tenant, equal to the rows they are made of: those of
 * response_hours, response_histogram and their parts.
 *
 * In the transaction that stores such rows, after all else:
 *
 *   1 lock the tenant's day, day by day in order: who comes second sees what
 *     the first one committed, as READ COMMITTED has it
 *   2 add up again the hours of the operators that have changed
 *   3 from the day's hours add up these operators' days, and the tenant's hours
 *     and day
 *
 * All values are full values, made from what is stored, so that a row that
 * comes again or late changes nothing that it should not. What it costs depends
 * on the operators and days that changed: a batch with the rows of one hour
 * reads at most the hours of a day.
 *
 * Sums by channel are made from intervals, later: see sums_due.h.
 */
#ifndef SINK_ROLLUP_ROLLUP_H
#define SINK_ROLLUP_ROLLUP_H

#include "common/base/text.h"
#include "common/db/db.h"

#include <stddef.h>
#include <stdint.h>

/* An hour of an operator with changed rows. Texts are borrowed. */
struct rollup_change {
	struct text tenant, operator_id;
	int64_t hour; /* ms since 1970, a whole one */
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

/* Forgets the changes of the try before. */
void rollup_begin(struct rollup *r);
void rollup_add(struct rollup *r, struct text tenant, int64_t hour,
    struct text operator_id);

/* Within a transaction. */
enum outcome rollup_changed(struct rollup *r)
    __attribute__((warn_unused_result));

/* Makes response_rollups and message_analytics_hours again from what is stored,
 * day by day, each in a transaction of its own, beside sinks that store. What
 * the latter counts of rows that are gone since stays. All days of a tenant, or
 * of all (NULL). Ends early when the program is asked to stop. *days: how many
 * were done. */
enum outcome recompute_all(struct db *db, const char *tenant, size_t *days)
    __attribute__((warn_unused_result));

#endif
