/*
 * analytics_hours: makes message_analytics_hours, sums of message_analytics by
 * hour and channel, from its rows; when, says sums_due.h.
 *
 * Rows that were deleted with their chat stay counted: an hour of a channel
 * that counts more than is left is left as it is.
 */
#ifndef SINK_ROLLUP_ANALYTICS_HOURS_H
#define SINK_ROLLUP_ANALYTICS_HOURS_H

#include "common/db/db.h"

#include <stdint.h>

/* Of the hours in [from, to). */
enum outcome analytics_hours_make(struct db *db, const char *tenant,
    int64_t from, int64_t to) __attribute__((warn_unused_result));

#endif
