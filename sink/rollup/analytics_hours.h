/*
 * analytics_hours: keeps message_analytics_hours, sums of message_analytics by
 * hour and channel.
 *
 * A row of message_analytics never changes, so what a transaction stores is
 * added: of its rows those that were not there before. Which these are is only
 * sure while nobody else stores any: so those of a tenant are stored by one
 * transaction at a time, as the last of its rows, so that others wait for
 * little.
 */
#ifndef SINK_ROLLUP_ANALYTICS_HOURS_H
#define SINK_ROLLUP_ANALYTICS_HOURS_H

#include "common/base/text.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"

/* Rows of a tenant: id -> anything. Takes the lock, and what is stored already
 * out of the ids. Within the transaction, before the rows are stored. */
enum outcome analytics_hours_find_new(struct db *db, struct text tenant,
    struct strmap *ids) __attribute__((warn_unused_result));

/* Adds the rows, which are stored now. */
enum outcome analytics_hours_add(struct db *db, struct text tenant,
    const struct strmap *ids) __attribute__((warn_unused_result));

/* Makes a day's sums anew (ms of its begin), but those that count more rows
 * than are left: what was deleted with its chat stays counted. Within a
 * transaction that has locked the tenant exclusively: nobody adds meanwhile. */
enum outcome analytics_hours_day(struct db *db, struct text tenant, int64_t day)
    __attribute__((warn_unused_result));

#endif
