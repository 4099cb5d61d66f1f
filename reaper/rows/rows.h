/*
 * rows: rows of any table as row records. What a column is the database says
 * itself (information_schema), so that what a later migration adds is in the
 * archive without a change here.
 */
#ifndef REAPER_ROWS_ROWS_H
#define REAPER_ROWS_ROWS_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"

struct rows {
	struct strmap tables; /* name -> columns */
};

/* Appends the rows of `SELECT * FROM table WHERE condition` as lines;
 * condition is SQL with its values quoted already. */
enum outcome rows_read(struct rows *r, struct db *db, const char *table,
    const char *condition, struct buf *lines)
    __attribute__((warn_unused_result));

void rows_release(struct rows *r);

#endif
