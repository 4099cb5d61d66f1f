/*
 * row_deletion: deletes rows in small transactions, so that sinks never wait
 * long.
 */
#ifndef REAPER_ROWS_ROW_DELETION_H
#define REAPER_ROWS_ROW_DELETION_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/tables/tables.h"

#include <stdbool.h>

/* A condition for rows of a table: SQL with a `?` for each value. */
struct row_condition {
	struct buf sql;
	struct db_value values[3];
	size_t n;
	/* Deletions exclude all other transactions from this tenant; NULL: they
	 * exclude none. */
	const char *alone;
};

/* Sets *found if the condition is true for a row. */
enum outcome row_find(struct db *db, const struct table *t,
    const struct row_condition *c, bool *found)
    __attribute__((warn_unused_result));

/* Deletes the rows for which the condition is true, or only counts them in a
 * dry run. Adds their number to *rows. LATER if the program was asked to stop
 * and rows may be left. */
enum outcome row_delete(struct db *db, const struct table *t,
    const struct row_condition *c, bool dry_run, uint64_t *rows)
    __attribute__((warn_unused_result));

#endif
