/*
 * quarters: keeps the quarters of hours in response_rollups, for the periods of
 * clocks that differ from UTC by a part of an hour.
 *
 * The tables that the rest is added up from know nothing below an hour, so
 * quarters come from intervals: once the hour is over, and only if those of
 * each operator sum to what is stored of the hour, count by count and bucket by
 * bucket. Else, and from the moment a row or an interval of the hour is stored
 * until they are made anew, whoever reads takes the intervals. Which it is, a
 * row of the hour says (quarter_locks.h).
 */
#ifndef SINK_ROLLUP_QUARTERS_H
#define SINK_ROLLUP_QUARTERS_H

#include "common/base/text.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "sink/rollup/quarter_locks.h"

struct quarters {
	struct db *db; /* borrowed */
	struct quarter_locks locks;

	/* private */
	struct db_bulk *put;
	struct strmap next; /* tenant -> when to look again; owned */
};

void quarters_init(struct quarters *q, struct db *db);
void quarters_release(struct quarters *q); /* before db_close() */

/* Makes those of all hours that begin within a time. Within a transaction that
 * has their locks. */
enum outcome quarters_make(struct quarters *q, struct text tenant, int64_t from,
    int64_t to) __attribute__((warn_unused_result));

/* Makes those of an hour of the last weeks that has none, in a transaction of
 * its own, unless it has looked for one lately (quarters_due.c). What fails is
 * tried again the next time. */
void quarters_make_due(struct quarters *q, struct text tenant, int64_t now_ms);

#endif
