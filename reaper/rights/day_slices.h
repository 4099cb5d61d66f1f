/*
 * day_slices: processes a tenant's rows of a table day by day, so that each
 * transaction reads a bounded part of a large table. Days without rows cost
 * nothing. A table without a key that orders rows by time is a single slice.
 */
#ifndef REAPER_RIGHTS_DAY_SLICES_H
#define REAPER_RIGHTS_DAY_SLICES_H

#include "common/db/db.h"
#include "common/tables/tables.h"

struct day_slice {
	const struct table *table;
	const char *tenant;
	int64_t from, to; /* the first and last ms; CLOCK_NONE: everything */
};

/* Calls work for each slice that has rows, each in its own transaction, which
 * db_transaction() may repeat; *slice is the current one. done, unless NULL, is
 * called after each commit. Ends early with OUTCOME_LATER if the program is
 * asked to stop. */
enum outcome day_slices_each(struct db *db, struct day_slice *slice,
    enum outcome (*work)(struct db *db, void *ctx), void (*done)(void *ctx),
    void *ctx) __attribute__((warn_unused_result));

/* Appends " AND `AGE` >= ... AND `AGE` <= ...", where AGE is the table's column
 * of its rows' age; or nothing. of: its prefix in a join, such as "a." */
void day_slice_write(struct db *db, const struct day_slice *slice,
    const char *of, struct buf *sql);

#endif
