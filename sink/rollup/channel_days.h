/*
 * channel_days: keeps the days of channels in response_rollups equal to the sum
 * of their hours, which quarters.c makes: what is asked of months and years by
 * channel reads days. There are no months of channels.
 *
 * An hour that has none yet, or whose responses have changed since, is not in
 * its day, or as it was: whoever reads a day must know that all its hours are
 * there.
 */
#ifndef SINK_ROLLUP_CHANNEL_DAYS_H
#define SINK_ROLLUP_CHANNEL_DAYS_H

#include "common/db/db.h"

#include <stdint.h>

/* Makes the days of all hours that begin within a time, in the transaction that
 * has written these hours. put: a bulk as span_set_bulk() makes it. */
enum outcome channel_days_make(struct db *db, struct db_bulk *put,
    const char *tenant, int64_t from, int64_t to)
    __attribute__((warn_unused_result));

#endif
