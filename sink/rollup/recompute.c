/*
 * recompute: see recompute.h.
 */
#include "sink/rollup/recompute.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "sink/rollup/analytics_hours.h"
#include "sink/rollup/quarters.h"
#include "sink/rollup/rollup.h"

struct recompute {
	struct rollup rollup;
	struct quarters quarters;
	struct text tenant;
	int64_t day;
};

/* Whatever is stored is of a day of these tables, by the column. */
static const struct {
	const char *table, *time;
} dated_tables[] = {
	{ "response_hours", "hour" },
	{ "response_hours_parts", "hour" },
	{ "response_rollups", "begin_at" },
	{ "message_analytics", "created_at" },
};

/* Those of one tenant have a ? for it in each table, and in rollups_due. */
#define STORED_DAYS_ARGS (ARRAY_LEN(dated_tables) + 1)

static void
write_stored_days(struct buf *sql, const char *tenant)
{
	const char *whose = tenant != NULL ? "tenant = ?" : "TRUE";
	size_t i;

	for (i = 0; i < ARRAY_LEN(dated_tables); i++)
		buf_addf(sql,
		    "SELECT DISTINCT tenant, DATE(`%s`) AS day FROM %s "
		    "WHERE %s UNION ",
		    dated_tables[i].time, dated_tables[i].table, whose);
	buf_addf(sql,
	    "SELECT tenant, day FROM rollups_due WHERE done = 0 AND %s "
	    "ORDER BY tenant, day",
	    whose);
}

static enum outcome
recompute_in_transaction(struct db *db, void *ctx)
{
	struct recompute *c = ctx;
	const struct db_value args[] = { db_text(c->tenant.p, c->tenant.len),
		db_time(c->day) };
	struct db_rows *rows;
	enum outcome o;

	/* Those who store have locked it for others to share. */
	o = db_query(db,
	    "SELECT tenant FROM tenants WHERE tenant = ? FOR UPDATE", args, 1,
	    &rows);
	db_rows_free(rows);
	if (o == OUTCOME_DONE)
		o = rollup_day(&c->rollup, c->tenant, c->day);
	if (o == OUTCOME_DONE)
		o = quarter_locks_take(
		    &c->quarters.locks, c->tenant, c->day, c->day + DAY_MS);
	if (o == OUTCOME_DONE)
		o = quarters_make(
		    &c->quarters, c->tenant, c->day, c->day + DAY_MS);
	if (o == OUTCOME_DONE)
		o = analytics_hours_day(db, c->tenant, c->day);
	if (o == OUTCOME_DONE)
		o = db_exec(db,
		    "UPDATE rollups_due SET done = 1 WHERE tenant = ? "
		    "AND day = ? AND done = 0",
		    args, ARRAY_LEN(args), NULL);
	return o;
}

/* rows: tenant and day. */
static enum outcome
recompute_days(struct db *db, struct db_rows *rows, size_t *days)
{
	struct recompute c = { .day = 0 };
	enum outcome o = OUTCOME_DONE;

	rollup_init(&c.rollup, db);
	quarters_init(&c.quarters, db);
	while (o == OUTCOME_DONE && !stop_asked() && db_next(rows)) {
		c.tenant =
		    (struct text){ db_get(rows, 0), db_get_len(rows, 0) };
		c.day = db_get_time(rows, 1);
		o = db_transaction(db, recompute_in_transaction, &c, false);
		*days += o == OUTCOME_DONE;
	}
	rollup_release(&c.rollup);
	quarters_release(&c.quarters);
	return o;
}

static enum outcome
find_and_recompute(struct db *db, const char *sql, const struct db_value *args,
    size_t n, size_t *days)
{
	struct db_rows *rows = NULL;
	enum outcome o = db_connect(db);

	*days = 0;
	if (o == OUTCOME_DONE)
		o = db_query(db, sql, args, n, &rows);
	if (o == OUTCOME_DONE)
		o = recompute_days(db, rows, days);
	db_rows_free(rows);
	return o;
}

enum outcome
recompute_all(struct db *db, const char *tenant, size_t *days)
{
	struct db_value args[STORED_DAYS_ARGS];
	size_t i, n = tenant != NULL ? STORED_DAYS_ARGS : 0;
	struct buf sql = BUF_INIT;
	enum outcome o;

	for (i = 0; i < n; i++)
		args[i] = db_str(tenant);
	write_stored_days(&sql, tenant);
	o = find_and_recompute(db, buf_str(&sql), args, n, days);
	buf_release(&sql);
	return o;
}

enum outcome
recompute_due(struct db *db, size_t *days)
{
	return find_and_recompute(db,
	    "SELECT tenant, day FROM rollups_due WHERE done = 0 "
	    "ORDER BY tenant, day",
	    NULL, 0, days);
}
