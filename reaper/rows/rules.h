/*
 * rules: which tables' rows may be deleted, and when, by the tables'
 * declarations (common/tables/tables.def). Rows of `tenants` are never deleted:
 * they keep the time at which a tenant was removed.
 */
#ifndef REAPER_ROWS_RULES_H
#define REAPER_ROWS_RULES_H

#include "common/tables/tables.h"

/* Whether rows of the table are ever deleted. */
bool rule_ends(const struct table *t);

/* Whether closing a chat deletes its rows; all: [reaper] on_close = all. */
bool rule_on_close(const struct table *t, bool all);

/* Whether its rows go to the archive: tombstones do not, nor does what the sink
 * adds up itself. */
bool rule_archived(const struct table *t);

/* The present by the CRM's clock, estimated from as_of and stored_at of the
 * tenant's row, or CLOCK_NONE: what is stored now is not newer than that. A CRM
 * whose clock is ahead of ours writes snapshots of our future. */
int64_t rule_crm_now(int64_t as_of, int64_t stored_at);

/* The name of a column; in SQL it needs backticks. */
static inline const char *
rule_column(const struct table *t, int column)
{
	return t->columns[column].name;
}

#endif
