/*
 * recompute: see recompute.h.
 */
#include "sink/rollup/recompute.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/tenant_lock.h"
#include "common/os/stop.h"
#include "sink/rollup/rollup.h"
#include "sink/rollup/sums_due.h"

struct recompute {
	struct rollup rollup;
	struct sums_due due;
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
	{ "intervals", "end_at" },
	{ "sums_due", "hour" },
	{ "message_analytics", "created_at" },
};

/* Those of one tenant have a ? for it in each table. */
#define STORED_DAYS_ARGS ARRAY_LEN(dated_tables)

static void
write_stored_days(struct buf *sql, const char *tenant)
{
	const char *whose = tenant != NULL ? "tenant = ?" : "TRUE";
	size_t i;

	for (i = 0; i < ARRAY_LEN(dated_tables); i++)
		buf_addf(sql,
		    "%sSELECT DISTINCT tenant, CAST(DATE(`%s`) AS "
		    "DATETIME(3)) AS day FROM %s WHERE %s",
		    i > 0 ? " UNION " : "", dated_tables[i].time,
		    dated_tables[i].table, whose);
	buf_adds(sql, " ORDER BY tenant, day");
}

static enum outcome
recompute_in_transaction(struct db *db, void *ctx)
{
	struct recompute *c = ctx;
	enum outcome o = tenant_lock_alone(db, &c->tenant, 1);

	if (o == OUTCOME_DONE)
		o = rollup_day(&c->rollup, c->tenant, c->day);
	if (o == OUTCOME_DONE)
		o = sums_due_make_day(&c->due, c->tenant, c->day);
	return o;
}

/* rows: tenant and day. */
static enum outcome
recompute_days(struct db *db, struct db_rows *rows, size_t *days)
{
	struct recompute c = { .day = 0 };
	enum outcome o = OUTCOME_DONE;

	rollup_init(&c.rollup, db);
	sums_due_init(&c.due, db);
	while (o == OUTCOME_DONE && !stop_asked() && db_next(rows)) {
		c.tenant =
		    (struct text){ db_get(rows, 0), db_get_len(rows, 0) };
		c.day = db_get_time(rows, 1);
		o = db_transaction(db, recompute_in_transaction, &c, false);
		*days += o == OUTCOME_DONE;
	}
	rollup_release(&c.rollup);
	sums_due_release(&c.due);
	return o;
}

enum outcome
recompute_all(struct db *db, const char *tenant, size_t *days)
{
	struct db_value args[STORED_DAYS_ARGS];
	size_t i, n = tenant != NULL ? STORED_DAYS_ARGS : 0;
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	enum outcome o = db_connect(db);

	for (i = 0; i < n; i++)
		args[i] = db_str(tenant);
	write_stored_days(&sql, tenant);
	*days = 0;
	if (o == OUTCOME_DONE)
		o = db_query(db, buf_str(&sql), args, n, &rows);
	if (o == OUTCOME_DONE)
		o = recompute_days(db, rows, days);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}
