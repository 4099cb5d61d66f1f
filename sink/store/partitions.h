/*
 * partitions: creates the daily partitions of tables of messages and the like
 * (day_partitions.h), so that the reaper can drop whole days. A table begins
 * with one partition for everything. A day is split off the partition that
 * contains it when its first row arrives; today and the next days are split off
 * in advance, while the partition is empty and splitting costs nothing.
 *
 * A row whose day has no partition of its own is stored in the partition that
 * contains it. This happens if the ALTER privilege is missing (one warning), if
 * another session locks the table for long, if the containing partition has
 * many rows already (one warning, if it contains later days), and for days far
 * from today (day_gets_partition()).
 */
#ifndef SINK_STORE_PARTITIONS_H
#define SINK_STORE_PARTITIONS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"
#include "sink/tables/day_partitions.h"

struct partitions {
	struct {
		struct day_list known; /* days that need no more work */
		int64_t ahead;    /* the last day that was split off ahead */
		int64_t retry_ms; /* no attempt before this time, monotonic */
		bool refused;     /* the ALTER privilege is missing */
		bool warned;      /* warned of a large bmax */
	} table[TABLES];
};

/* Creates partitions for the days of the batch's rows. A zeroed struct is
 * empty; db must not be in a transaction. Errors are logged, and rows are
 * stored anyway. */
void partitions_prepare(
    struct partitions *d, struct db *db, const struct row_batch *b);

void partitions_release(struct partitions *d);

#endif
