/*
 * old_partitions: daily partitions of a table (pYYYYMMDD, see
 * sink/store/partitions.h) that hold only old rows. Dropping one costs the same
 * however many rows it has.
 */
#ifndef REAPER_ROWS_OLD_PARTITIONS_H
#define REAPER_ROWS_OLD_PARTITIONS_H

#include "common/db/db.h"
#include "common/tables/tables.h"

#include <stdbool.h>
#include <stdint.h>

/* What goes of a table. */
struct old_partitions {
	uint64_t partitions;
	uint64_t rows;
};

/* Counts those with rows before that time only, in ms. */
enum outcome old_partitions_count(struct db *db, const struct table *table,
    int64_t before, uint64_t *n) __attribute__((warn_unused_result));

/* Drops them, sets gone->partitions, and adds to gone->rows. Without the right
 * to, none is dropped and that is logged; *locked: another session used the
 * table for too long, and they are left for another run. */
enum outcome old_partitions_drop(struct db *db, const struct table *table,
    int64_t before, struct old_partitions *gone, bool *locked)
    __attribute__((warn_unused_result));

#endif
