/*
 * partitions: creates the daily partitions of tables of messages and the like,
 * so that the reaper drops whole days. A table begins with one partition for
 * everything. A day is split off the partition that contains it (ALTER TABLE
 * ... REORGANIZE PARTITION) when its first row arrives; today and the next days
 * are split off ahead, while the partition is empty and splitting costs
 * nothing.
 *
 * A row whose day has no partition of its own is stored in the partition that
 * contains it. That happens when the right to ALTER is missing (one warning),
 * when another session locks the table for long, when the containing partition
 * has many rows already, and for days far from today.
 */
#ifndef SINK_STORE_PARTITIONS_H
#define SINK_STORE_PARTITIONS_H

#include "common/db/db.h"
#include "sink/store/batch.h"

struct partitions {
	struct {
		int64_t *known; /* days that need no more work, sorted */
		size_t n, cap;
		int64_t ahead;    /* the last day that was split off ahead */
		int64_t retry_ms; /* do not try before, monotonic */
		bool refused;     /* the right to ALTER is missing */
	} table[TABLES];
};

/* Creates partitions for the days of the batch's rows. A zeroed struct is
 * empty; db must not be in a transaction. Errors are logged, and rows are
 * stored all the same. */
void partitions_prepare(
    struct partitions *d, struct db *db, const struct row_batch *b);

void partitions_release(struct partitions *d);

/* A partition holds all rows below `below` (days since 1970) that are in no
 * partition before it. Public for tests. */
#define PARTITIONS_MAX INT64_MAX
#define PARTITIONS_NAME 16

struct partitions_partition {
	char name[PARTITIONS_NAME + 1];
	int64_t below; /* PARTITIONS_MAX: MAXVALUE */
};

/* Appends the statement that splits the n sorted days off the partition p,
 * which holds the days [from, p->below). */
void partitions_cut(struct buf *sql, const char *table,
    const struct partitions_partition *p, int64_t from, const int64_t *days,
    size_t n);

#endif
