/*
 * recompute: makes response_rollups and message_analytics_hours again from what
 * is stored, day by day, each in a transaction of its own, beside sinks that
 * store. What the latter counts of rows that are gone since stays.
 */
#ifndef SINK_ROLLUP_RECOMPUTE_H
#define SINK_ROLLUP_RECOMPUTE_H

#include "common/db/db.h"

/* All days of a tenant, or of all (NULL). Ends early when the program is asked
 * to stop. *days: how many were done. */
enum outcome recompute_all(struct db *db, const char *tenant, size_t *days)
    __attribute__((warn_unused_result));

#endif
