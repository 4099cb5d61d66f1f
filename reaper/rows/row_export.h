/*
 * row_export: writes rows of any table as row records. The types of the columns
 * come from the database (information_schema), so that new columns are
 * exported without a change here.
 */
#ifndef REAPER_ROWS_ROW_EXPORT_H
#define REAPER_ROWS_ROW_EXPORT_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"

/* A zeroed struct is empty. */
struct row_export {
	struct strmap tables; /* name -> its columns */
};

/* Appends the rows of `SELECT * FROM table WHERE condition` as lines; condition
 * is SQL with its values quoted. */
enum outcome row_export_append(struct row_export *r, struct db *db,
    const char *table, const char *condition, struct buf *lines)
    __attribute__((warn_unused_result));

void row_export_release(struct row_export *r);

#endif
