/*
 * row_export: writes rows of any table as row records.
 */
#ifndef REAPER_ROWS_ROW_EXPORT_H
#define REAPER_ROWS_ROW_EXPORT_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/tables/tables.h"

/* Appends the rows for which the condition is true as lines; the condition is
 * SQL with quoted values. */
enum outcome row_export_append(struct db *db, const struct table *t,
    const char *condition, struct buf *lines)
    __attribute__((warn_unused_result));

#endif
