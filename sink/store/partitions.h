/*
 * partitions: creates the daily partitions of tables of messages and the like,
 * so that the reaper can drop whole days. Today and the next days are split off
 * the last partition in advance (ALTER TABLE ... REORGANIZE PARTITION), while
 * it is empty and splitting costs nothing; after an outage, so are the days
 * since then.
 *
 * Partition pYYYYMMDD has that day, bYYYYMMDD all earlier days that no other
 * partition has, and bmax all later days. Rows from before the first sink are
 * in the first partition, which the reaper drops as a whole when its last day
 * is old enough; until then, it deletes old rows one by one.
 *
 * Splitting copies the rows of bmax and blocks all others meanwhile. So it is
 * left alone if it has many rows (one warning), which happens if the ALTER
 * privilege is missing (one warning), or another session locks the table, for
 * days.
 */
#ifndef SINK_STORE_PARTITIONS_H
#define SINK_STORE_PARTITIONS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* A zeroed struct is ready for use. */
struct partitions {
	struct {
		int64_t ahead;    /* the last day that was split off */
		int64_t retry_ms; /* no attempt before this time, monotonic */
		bool refused;     /* the ALTER privilege is missing */
		bool warned;      /* warned of a large bmax */
	} table[TABLES];
};

/* Creates partitions of the tables of the batch's rows. db must not be in a
 * transaction. Errors are logged, and rows are stored anyway. */
void partitions_prepare(
    struct partitions *d, struct db *db, const struct row_batch *b);

#endif
