/*
 * partitions: partitions. Tables of messages and the like are kept a day in a
 * partition, so that ageing drops whole ones. A table begins with one
 * partition for everything; a day is cut out of the partition that holds it
 * (ALTER TABLE ... REORGANIZE PARTITION) when it is met, and today and the
 * next days ahead of that, while the partition is empty and cutting costs
 * nothing.
 *
 * Without a partition of its own a row is stored all the same, in the one
 * around it: when the right to ALTER is missing (said once), when somebody
 * holds the table for long, when the one around has many rows already, and
 * for days that are far away.
 */
#ifndef SINK_STORE_PARTITIONS_H
#define SINK_STORE_PARTITIONS_H

#include "common/db/db.h"
#include "sink/store/batch.h"

struct partitions {
	struct {
		int64_t *known; /* days that are seen to, sorted */
		size_t n, cap;
		int64_t ahead;    /* the last day of those made ahead */
		int64_t retry_ms; /* no try before, monotonic */
		bool refused;     /* the right is missing */
	} table[TABLES];
};

/* A zeroed struct is empty. Sees to the days of the batch's rows; db must not
 * be in a transaction. What goes wrong is logged and keeps no row from being
 * stored. */
void partitions_see_to(
    struct partitions *d, struct db *db, const struct batch *b);

void partitions_release(struct partitions *d);

/* Pure, for tests. A partition: everything below `below` (days since 1970)
 * that is in no partition before it. */
#define PARTITIONS_MAX INT64_MAX
#define PARTITIONS_NAME 16

struct partitions_partition {
	char name[PARTITIONS_NAME + 1];
	int64_t below; /* PARTITIONS_MAX: MAXVALUE */
};

/* Appends the statement that cuts the days (sorted) out of the partition that
 * holds them, [from, p->below) */
void partitions_cut(struct buf *sql, const char *table,
    const struct partitions_partition *p, int64_t from, const int64_t *days,
    size_t n);

#endif
