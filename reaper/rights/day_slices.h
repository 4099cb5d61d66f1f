/*
 * day_slices: processes a tenant's rows of a table day by day, so that each
 * transaction reads a bounded part of a large table. Days without rows cost
 * nothing. A table without a key that orders rows by time is a single slice.
 */
#ifndef REAPER_RIGHTS_DAY_SLICES_H
#define REAPER_RIGHTS_DAY_SLICES_H

#include "common/db/db.h"
#include "common/tables/tables.h"

#include <stdbool.h>

/* Before the first slice, all but table and tenant is zero. */
struct day_slice {
	const struct table *table;
	const char *tenant;
	bool begun;
	int64_t from, to; /* the first and last ms; CLOCK_NONE: everything */
};

/* Moves to the next slice that has rows, on which the caller works in a
 * transaction of its own. *o is the outcome of that work, at first DONE.
 * Returns false after the last slice, and if *o is or becomes another outcome:
 * LATER if the program is asked to stop. */
bool day_slice_next(struct db *db, struct day_slice *slice, enum outcome *o)
    __attribute__((warn_unused_result));

/* Appends " AND `AGE` >= ... AND `AGE` <= ...", where AGE is the table's column
 * of its rows' age; or nothing. of: its prefix in a join, such as "a." */
void day_slice_write(struct db *db, const struct day_slice *slice,
    const char *of, struct buf *sql);

#endif
