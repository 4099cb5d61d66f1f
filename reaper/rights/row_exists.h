/*
 * row_exists: whether a tenant has a row of a kind.
 */
#ifndef REAPER_RIGHTS_ROW_EXISTS_H
#define REAPER_RIGHTS_ROW_EXISTS_H

#include "reaper/rights/personal_tables.h"

#include <stdbool.h>

/* Looks day by day for a row for which `where`, SQL with the marks of
 * personal_tables.h, is true, up to the first one. */
enum outcome row_exists(struct subject *s, enum table_id table,
    const char *where, bool *found) __attribute__((warn_unused_result));

#endif
