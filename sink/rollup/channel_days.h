/*
 * channel_days: keeps the days of channels in response_rollups equal to the sum
 * of their hours, which quarters.c makes: what is asked of months and years by
 * channel reads days. There are no months of channels.
 *
 * An hour that has none yet, or whose responses have changed since, is not in
 * its day, or as it was. So the day's row of no channel has a version below 0
 * while one of its hours is so: who stores a row of an hour writes it
 * (quarter_locks.h), who makes the day looks at its hours.
 */
#ifndef SINK_ROLLUP_CHANNEL_DAYS_H
#define SINK_ROLLUP_CHANNEL_DAYS_H

#include "common/db/db.h"

#include <stdint.h>

/* Hours h, `AND` their time and what follows, that do not have their channels:
 * there are none, or the quarters they were made with have changed since. The
 * tenant is the argument. */
#define CHANNEL_HOURS_LACKING                                                  \
	" FROM response_rollups h "                                            \
	"LEFT JOIN response_rollups q ON q.tenant = h.tenant "                 \
	"AND q.everyone = 1 AND q.span = 'quarter' "                           \
	"AND q.begin_at = h.begin_at AND q.operator = '' "                     \
	"AND q.version >= 0 LEFT JOIN response_rollups c "                     \
	"ON c.tenant = h.tenant AND c.everyone = 2 AND c.span = 'hour' "       \
	"AND c.begin_at = h.begin_at AND c.operator = '' "                     \
	"WHERE h.tenant = ? AND h.everyone = 1 AND h.span = 'hour' "           \
	"AND h.operator = '' AND (q.tenant IS NULL OR c.tenant IS NULL)"

/* Makes the days of all hours that begin within a time, in the transaction that
 * has written these hours. put: a bulk as span_set_bulk() makes it. */
enum outcome channel_days_make(struct db *db, struct db_bulk *put,
    const char *tenant, int64_t from, int64_t to)
    __attribute__((warn_unused_result));

#endif
