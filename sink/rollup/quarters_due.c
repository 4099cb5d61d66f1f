/*
 * quarters_due: when quarters are made, see quarters.h: some time after their
 * hour is over, an hour at a time, because those who store wait for it. So what
 * was stored before there were quarters gets them, too.
 */
#include "sink/rollup/quarters.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/rollup/span_set.h"

/* An hour's rows mostly come before it is over for so long. */
#define SETTLING_MS (10 * MINUTE_MS)

/* Until it looks again, after all that was due is made; and while more is: so
 * little of the time is spent on it, also where rows of the past arrive that
 * spoil it again. */
#define PAUSE_MS (10 * MINUTE_MS)
#define GAP_MS 1000

/* Older hours have quarters by `sink --recompute` only. */
#define REACH_MS (35 * DAY_MS)

/* The newest hour that begins within a time and has no quarters, or those of an
 * earlier version, without channels. */
static enum outcome
find_due(const struct quarters *q, struct text tenant, int64_t from, int64_t to,
    struct db_rows **rows)
{
	const struct db_value args[] = { db_str(SPAN_QUARTER),
		db_int(SPAN_OF_CHANNEL), db_text(tenant.p, tenant.len),
		db_str(SPAN_HOUR), db_time(from), db_time(to),
		db_int(QUARTERS_DUE), db_int(QUARTERS_DUE) };

	return db_query(q->db,
	    "SELECT h.begin_at FROM response_rollups h "
	    "LEFT JOIN response_rollups q ON q.tenant = h.tenant "
	    "AND q.everyone = 1 AND q.span = ? AND q.begin_at = h.begin_at "
	    "AND q.operator = '' LEFT JOIN response_rollups c "
	    "ON c.tenant = h.tenant AND c.everyone = ? AND c.span = h.span "
	    "AND c.begin_at = h.begin_at AND c.operator = '' "
	    "WHERE h.tenant = ? AND h.everyone = 1 "
	    "AND h.span = ? AND h.begin_at >= ? AND h.begin_at < ? "
	    "AND h.operator = '' AND (COALESCE(q.version, ?) = ? "
	    "OR (q.version >= 0 AND c.tenant IS NULL)) "
	    "ORDER BY h.begin_at DESC LIMIT 1",
	    args, ARRAY_LEN(args), rows);
}

/* Unless another sink has made them meanwhile. */
static enum outcome
make_locked(struct quarters *q, struct text tenant, int64_t hour)
{
	struct db_rows *rows = NULL;
	enum outcome o = quarter_locks_take(&q->locks, tenant, hour, hour + 1);

	if (o == OUTCOME_DONE)
		o = find_due(q, tenant, hour, hour + 1, &rows);
	if (o == OUTCOME_DONE && db_rows_count(rows) > 0)
		o = quarters_make(q, tenant, hour, hour + HOUR_MS);
	db_rows_free(rows);
	return o;
}

static enum outcome
make_hour(struct quarters *q, struct text tenant, int64_t hour)
{
	enum outcome o = db_begin(q->db);

	if (o == OUTCOME_DONE)
		o = make_locked(q, tenant, hour);
	if (o == OUTCOME_DONE)
		o = db_commit(q->db);
	if (o != OUTCOME_DONE)
		db_rollback(q->db);
	return o;
}

void
quarters_make_due(struct quarters *q, struct text tenant, int64_t now_ms)
{
	int64_t to = clock_floor(now_ms - SETTLING_MS, HOUR_MS), *next;
	void **place = strmap_put(&q->next, tenant.p, tenant.len);
	struct db_rows *rows = NULL;
	enum outcome o;

	if (*place == NULL)
		*place = xcalloc(1, sizeof *next);
	next = *place;
	if (now_ms < *next)
		return;
	o = find_due(q, tenant, to - REACH_MS, to, &rows);
	*next =
	    now_ms +
	    (o == OUTCOME_DONE && db_rows_count(rows) > 0 ? GAP_MS : PAUSE_MS);
	if (o == OUTCOME_DONE && db_next(rows))
		o = make_hour(q, tenant, db_get_time(rows, 0));
	if (o != OUTCOME_DONE)
		log_debug("quarters", "tenant=%.*s why=\"%s\"", (int)tenant.len,
		    tenant.p, db_why(q->db));
	db_rows_free(rows);
}
