/*
 * analytics_hours: see analytics_hours.h.
 */
#include "sink/rollup/analytics_hours.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* Ids in one statement. */
#define IDS_MAX 500

#define INSERT_SUMS                                                            \
	"INSERT INTO message_analytics_hours (tenant, `hour`, channel, "       \
	"messages, inbound, outbound, sentiments, sentiment_sum, responses, "  \
	"response_sum) "                                                       \
	"SELECT tenant, CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:00:00') "    \
	"AS DATETIME(3)), COALESCE(channel_id, ''), COUNT(*), "                \
	"COUNT(NULLIF(direction <> 'inbound', TRUE)), "                        \
	"COUNT(NULLIF(direction <> 'outbound', TRUE)), "                       \
	"COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "          \
	"COUNT(response_time), COALESCE(SUM(response_time), 0) "               \
	"FROM message_analytics WHERE tenant = "

/* Appends what becomes of a row that is there: the sums are added to it, or put
 * in place of its own, unless these count more rows than are left. */
static void
add_changes(struct buf *sql, bool added)
{
	/* The number last: the others are decided by what it was. */
	static const char *const columns[] = { "inbound", "outbound",
		"sentiments", "sentiment_sum", "responses", "response_sum",
		"messages" };
	const char *c;
	size_t i;

	buf_adds(sql, " GROUP BY 1, 2, 3 ON DUPLICATE KEY UPDATE ");
	for (i = 0; i < ARRAY_LEN(columns); i++) {
		c = columns[i];
		buf_addf(sql,
		    added ? "%s%s = %s + VALUES(%s)"
			  : "%s%s = IF(VALUES(messages) < messages, %s, "
			    "VALUES(%s))",
		    i > 0 ? ", " : "", c, c, c);
	}
}

/* Appends up to IDS_MAX ids from *i on as " AND id IN (...)". False: there are
 * no more. */
static bool
add_ids(struct db *db, const struct strmap *ids, size_t *i, struct buf *sql)
{
	const struct strmap_entry *e;
	size_t n = 0;

	while (n < IDS_MAX && (e = strmap_next(ids, i)) != NULL) {
		buf_adds(sql, n++ == 0 ? " AND id IN (" : ", ");
		db_quote(db, sql, db_text(e->key, e->key_len));
	}
	buf_adds(sql, n > 0 ? ")" : "");
	return n > 0;
}

static void
add_tenant(struct db *db, struct text tenant, struct buf *sql)
{
	db_quote(db, sql, db_text(tenant.p, tenant.len));
}

/* A row of no day is the lock. */
static enum outcome
lock_analyses(struct db *db, struct text tenant)
{
	const struct db_value args[] = { db_text(tenant.p, tenant.len),
		db_time(0) };

	return db_exec(db,
	    "INSERT INTO rollups_due (tenant, day, done) VALUES (?, ?, 1) "
	    "ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)",
	    args, ARRAY_LEN(args), NULL);
}

enum outcome
analytics_hours_find_new(struct db *db, struct text tenant, struct strmap *ids)
{
	enum outcome o = lock_analyses(db, tenant);
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	size_t i = 0;

	while (o == OUTCOME_DONE) {
		buf_setf(
		    &sql, "SELECT id FROM message_analytics WHERE tenant = ");
		add_tenant(db, tenant, &sql);
		if (!add_ids(db, ids, &i, &sql))
			break;
		o = db_query(db, buf_str(&sql), NULL, 0, &rows);
		while (o == OUTCOME_DONE && db_next(rows))
			(void)strmap_delete(
			    ids, db_get(rows, 0), db_get_len(rows, 0));
		db_rows_free(rows);
	}
	buf_release(&sql);
	return o;
}

enum outcome
analytics_hours_add(struct db *db, struct text tenant, const struct strmap *ids)
{
	enum outcome o = OUTCOME_DONE;
	struct buf sql = BUF_INIT;
	size_t i = 0;

	while (o == OUTCOME_DONE) {
		buf_clear(&sql);
		buf_adds(&sql, INSERT_SUMS);
		add_tenant(db, tenant, &sql);
		if (!add_ids(db, ids, &i, &sql))
			break;
		add_changes(&sql, true);
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	}
	buf_release(&sql);
	return o;
}

enum outcome
analytics_hours_day(struct db *db, struct text tenant, int64_t day)
{
	const struct db_value args[] = { db_text(tenant.p, tenant.len),
		db_time(day), db_time(day + DAY_MS) };
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_adds(&sql, INSERT_SUMS "? AND created_at >= ? AND created_at < ?");
	add_changes(&sql, false);
	o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), NULL);
	buf_release(&sql);
	return o;
}
