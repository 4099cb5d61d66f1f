/*
 * rules: which tables' rows may be deleted, and when, according to their
 * declarations (common/tables/tables.def). Rows of `tenants` are never deleted:
 * they keep the time at which a tenant was removed.
 */
#ifndef REAPER_ROWS_RULES_H
#define REAPER_ROWS_RULES_H

#include "common/tables/tables.h"

/* True if rows of the table are ever deleted. */
bool rule_ends(const struct table *t);

/* True if closing a chat deletes its rows; all: [reaper] on_close = all. */
bool rule_on_close(const struct table *t, bool all);

/* Returns the name of a column; in SQL it needs backticks. */
static inline const char *
rule_column(const struct table *t, int column)
{
	return t->columns[column].name;
}

#endif
