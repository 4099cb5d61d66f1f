/*
 * day_slices: goes through a tenant's rows of a table day by day, so that each
 * transaction looks at a bounded part of a large table. Days without rows cost
 * nothing. A table that no key orders by time is one slice.
 */
#ifndef REAPER_RIGHTS_DAY_SLICES_H
#define REAPER_RIGHTS_DAY_SLICES_H

#include "common/db/db.h"
#include "common/tables/tables.h"

struct day_slice {
	const struct table *table;
	const char *tenant;
	int64_t from, to; /* the first and the last ms; CLOCK_NONE: all */
};

/* Calls work for each slice that has rows, each call in a transaction of its
 * own, which is repeated as db_transaction() says; *slice holds the current
 * one. Unless NULL, done is called after each commit. Ends early with
 * OUTCOME_LATER when the program is asked to stop. */
enum outcome day_slices_each(struct db *db, struct day_slice *slice,
    enum outcome (*work)(struct db *db, void *ctx), void (*done)(void *ctx),
    void *ctx) __attribute__((warn_unused_result));

/* Appends " AND `AGE` >= ... AND `AGE` <= ...", AGE being the table's column of
 * its rows' age; or nothing. of: what goes before it, as in a join, "a." */
void day_slice_write(struct db *db, const struct day_slice *slice,
    const char *of, struct buf *sql);

#endif
