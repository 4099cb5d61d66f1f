/*
 * tombstone_expiry: see tombstone_expiry.h. No lock of the tenant is needed:
 * as_of and newest_at only grow, so a row that is too old stays too old; and
 * sinks hold them while they look at tombstones.
 */
#include "reaper/rows/tombstone_expiry.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "reaper/rows/rules.h"

#define BATCH 1000
#define BATCH_TEXT "1000"

struct expiry_tenant {
	char *name;
	int64_t newest;
};

struct expiry {
	struct expiry_tenant *tenants;
	size_t n, cap;
	const struct table *table; /* of the current deletion */
	const struct expiry_tenant *tenant;
	int64_t before;
	uint64_t affected;
};

static void
free_expiry_tenants(struct expiry *a)
{
	while (a->n > 0)
		free(a->tenants[--a->n].name);
}

static enum outcome
read_expiry_tenants(struct db *db, void *ctx)
{
	struct expiry *a = ctx;
	struct db_rows *found;
	enum outcome o;

	free_expiry_tenants(a);
	o = db_query(db,
	    "SELECT tenant, GREATEST(IFNULL(as_of, newest_at), "
	    "IFNULL(newest_at, as_of)) FROM tenants WHERE as_of IS NOT NULL "
	    "OR newest_at IS NOT NULL ORDER BY tenant",
	    NULL, 0, &found);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		XGROW(a->tenants, a->n, a->cap);
		a->tenants[a->n].name = xstrdup(db_get(found, 0));
		a->tenants[a->n].newest = db_get_time(found, 1);
		a->n++;
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
delete_old_tombstones(struct db *db, void *ctx)
{
	struct expiry *a = ctx;
	struct buf sql = BUF_INIT;
	struct db_value args[2] = { db_str(a->tenant->name),
		db_time(a->before) };
	enum outcome o;

	buf_addf(&sql,
	    "DELETE FROM %s WHERE tenant = ? AND `%s` < ? LIMIT " BATCH_TEXT,
	    a->table->name, rule_column(a->table, a->table->at));
	o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), &a->affected);
	buf_release(&sql);
	return o;
}

static enum outcome
delete_tombstones_of_tenant(
    struct db *db, struct expiry *a, int64_t keep_ms, uint64_t *deleted)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	a->before = a->tenant->newest - keep_ms;
	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		a->table = &tables[i];
		if (a->table->life != LIFE_TOMBSTONE &&
		    a->table->life != LIFE_REFUSAL)
			continue;
		do {
			o = db_transaction(db, delete_old_tombstones, a, false);
			if (o == OUTCOME_DONE)
				*deleted += a->affected;
		} while (
		    o == OUTCOME_DONE && a->affected == BATCH && !stop_asked());
	}
	return o;
}

enum exit_code
tombstone_expiry_run(struct db *db, int64_t keep_ms, uint64_t *deleted)
{
	struct expiry a = { .n = 0 };
	enum outcome o = db_transaction(db, read_expiry_tenants, &a, false);
	enum exit_code code = PROG_OK;
	size_t i;

	*deleted = 0;
	for (i = 0; i < a.n && o == OUTCOME_DONE && !stop_asked(); i++) {
		a.tenant = &a.tenants[i];
		o = delete_tombstones_of_tenant(db, &a, keep_ms, deleted);
	}
	if (o != OUTCOME_DONE && !stop_asked()) {
		log_error("%s", db_why(db));
		code = db_code(db);
	}
	if (*deleted > 0)
		log_info("tombstones_expired", "rows=%" PRIu64, *deleted);
	free_expiry_tenants(&a);
	free(a.tenants);
	return code;
}
