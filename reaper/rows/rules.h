/*
 * rules: what may be deleted, and when, as the tables' declarations have it
 * (common/tables/tables.def). `tenants` itself is never: it is the lock, and
 * remembers for ever when a tenant was removed.
 */
#ifndef REAPER_ROWS_RULES_H
#define REAPER_ROWS_RULES_H

#include "common/tables/tables.h"

/* Whether rows of the table are ever deleted. */
bool rule_ends(const struct table *t);

/* Whether a closing deletes from it. */
bool rule_on_close(const struct table *t, bool all);

/* The name of one of its columns; it needs backticks. */
static inline const char *
rule_column(const struct table *t, int column)
{
	return t->columns[column].name;
}

#endif
