/*
 * tenant_row: see tenant_row.h.
 */
#include "reaper/rows/tenant_row.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

enum outcome
tenant_row_lock(struct db *db, const char *tenant)
{
	const struct text name = { tenant, strlen(tenant) };

	return tenant_lock_alone(db, &name, 1);
}

static int64_t
estimate_crm_now(int64_t as_of, int64_t stored_at)
{
	int64_t now = clock_now_ms();

	if (as_of == CLOCK_NONE)
		return now;
	if (stored_at != CLOCK_NONE && as_of > stored_at)
		now += as_of - stored_at;
	return as_of > now ? as_of : now;
}

enum outcome
tenant_row_read(struct db *db, const char *tenant, struct tenant_row *row)
{
	struct db_value name = db_str(tenant);
	struct db_rows *found;
	enum outcome o = db_query(db,
	    "SELECT as_of, stored_at, IFNULL(forget_key, '') FROM tenants "
	    "WHERE tenant = ?",
	    &name, 1, &found);

	*row = (struct tenant_row){ .known = false };
	if (o != OUTCOME_DONE)
		return o;
	row->known = db_next(found);
	if (row->known) {
		row->crm_now = estimate_crm_now(
		    db_get_time(found, 0), db_get_time(found, 1));
		snprintf(row->forget_key, sizeof row->forget_key, "%s",
		    db_get(found, 2));
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}
