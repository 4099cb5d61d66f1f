/*
 * rejudge: judges stored intervals again, by the hours and targets of now:
 * after these were changed for days that are over.
 */
#ifndef SINK_STORE_REJUDGE_H
#define SINK_STORE_REJUDGE_H

#include "common/db/db.h"
#include "common/hours/terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to do, and what was found. */
struct rejudge {
	const struct terms_book *terms; /* borrowed */
	const char *tenant;             /* NULL: all */
	int64_t from_day; /* intervals that ended on that day or later, as days
			   * since 1970-01-01 in the tenant's zone; INT64_MIN:
			   * all */
	bool only_count;  /* changes nothing */
	int64_t until_ms; /* gives up at that time (monotonic); 0: never */

	size_t rows;  /* intervals with another judgement */
	bool gave_up; /* there may be more */
};

/* Each hour of a tenant is a transaction of its own, in which the tenant is
 * locked; its sums become due (sums_due.h). Ends early if the program is asked
 * to stop. */
enum outcome rejudge_run(struct db *db, struct rejudge *r)
    __attribute__((warn_unused_result));

#endif
