/*
 * rejudge: see rejudge.h.
 */
#include "sink/store/rejudge.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/tenant_lock.h"
#include "common/hours/zone.h"
#include "common/os/stop.h"
#include "sink/store/judge_row.h"

/* Columns of an interval, as they are read. */
enum {
	END_AT,
	CHAT,
	MESSAGE,
	KIND,
	START_AT,
	CHANNEL,
	AWAITED,
	AS_OF,
	WORK_MS, /* the first of JUDGED_COLUMNS */
};

/* Columns that are written: a key, as_of, which a row must have, and the
 * judgement. */
enum { WRITTEN = 6 + JUDGED_COLUMNS };

/* An hour of a tenant. */
struct rejudged_hour {
	struct rejudge *r;
	struct db *db;
	struct db_bulk *put;
	const char *tenant;
	int64_t begin, end;
	size_t rows; /* that differ */
};

static bool
is_same(const struct db_value *v, int64_t stored)
{
	return (v->type == DB_NULL ? INT64_MIN : v->num) == stored;
}

/* Puts the current row into the bulk if its judgement differs. */
static void
judge_again(struct rejudged_hour *h, const struct db_rows *rows)
{
	const struct stored_interval i = {
		.tenant = text_from(h->tenant),
		.kind = { db_get(rows, KIND), db_get_len(rows, KIND) },
		.channel = { db_get(rows, CHANNEL), db_get_len(rows, CHANNEL) },
		.awaited = { db_get(rows, AWAITED), db_get_len(rows, AWAITED) },
		.begin = db_get_time(rows, START_AT),
		.end = db_get_time(rows, END_AT),
	};
	struct db_value values[WRITTEN] = { db_str(h->tenant), db_time(i.end),
		db_text(db_get(rows, CHAT), db_get_len(rows, CHAT)),
		db_text(db_get(rows, MESSAGE), db_get_len(rows, MESSAGE)),
		db_text(i.kind.p, i.kind.len),
		db_time(db_get_time(rows, AS_OF)) };
	struct db_value *judged = &values[WRITTEN - JUDGED_COLUMNS];
	bool same = true;
	size_t k;

	judge_interval(h->r->terms, &i, judged);
	for (k = 0; k < JUDGED_COLUMNS; k++)
		same =
		    same && is_same(&judged[k], db_get_int(rows, WORK_MS + k));
	if (same)
		return;
	h->rows++;
	if (!h->r->only_count)
		db_bulk_add(h->put, values);
}

static enum outcome
read_hour(struct rejudged_hour *h, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(h->tenant), db_time(h->begin),
		db_time(h->end) };

	return db_query(h->db,
	    "SELECT end_at, chat, message, kind, start_at, channel, "
	    "awaited, as_of, "
	    "work_ms, target_ms, kept, judged FROM intervals "
	    "WHERE tenant = ? AND end_at >= ? AND end_at < ?",
	    args, ARRAY_LEN(args), rows);
}

/* Stores the hour's judgements and makes its sums due. */
static enum outcome
write_hour(struct rejudged_hour *h)
{
	const struct db_value args[] = { db_str(h->tenant),
		db_time(clock_floor(h->begin, HOUR_MS)) };
	enum outcome o = db_bulk_run(h->put, 0, db_bulk_rows(h->put));

	if (o == OUTCOME_DONE)
		o = db_exec(h->db,
		    "INSERT IGNORE INTO sums_due (tenant, `hour`) "
		    "VALUES (?, ?)",
		    args, ARRAY_LEN(args), NULL);
	return o;
}

static enum outcome
judge_hour(struct db *db, void *ctx)
{
	struct rejudged_hour *h = ctx;
	const struct text name = text_from(h->tenant);
	struct db_rows *rows = NULL;
	enum outcome o = OUTCOME_DONE;

	h->rows = 0;
	db_bulk_clear(h->put);
	if (!h->r->only_count)
		o = tenant_lock_alone(db, &name, 1);
	if (o == OUTCOME_DONE)
		o = read_hour(h, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		judge_again(h, rows);
	if (o == OUTCOME_DONE && db_bulk_rows(h->put) > 0)
		o = write_hour(h);
	db_rows_free(rows);
	return o;
}

/* *at: when the first interval from that time on ended; CLOCK_NONE: none. */
static enum outcome
find_next(struct db *db, const char *tenant, int64_t *at)
{
	const struct db_value args[] = { db_str(tenant), db_time(*at) };
	struct db_rows *rows;
	enum outcome o = db_query(db,
	    "SELECT MIN(end_at) FROM intervals WHERE tenant = ? "
	    "AND end_at >= ?",
	    args, ARRAY_LEN(args), &rows);

	*at = CLOCK_NONE;
	if (o == OUTCOME_DONE && db_next(rows))
		*at = db_get_time(rows, 0);
	db_rows_free(rows);
	return o;
}

static int64_t
first_instant(const struct rejudge *r, const char *tenant)
{
	const struct tenant_terms *t =
	    terms_of_tenant(r->terms, text_from(tenant));

	/* The database has no times before the year 1000. */
	if (r->from_day == INT64_MIN)
		return clock_civil(1000, 1, 2, 0, 0, 0) * 1000;
	return zone_first(terms_zone(t), r->from_day * DAY_MS);
}

static bool
must_end(struct rejudge *r)
{
	if (r->until_ms != 0 && clock_mono_ms() >= r->until_ms)
		r->gave_up = true;
	return r->gave_up || stop_asked();
}

static enum outcome
judge_tenant(
    struct rejudge *r, struct db *db, struct db_bulk *put, const char *tenant)
{
	struct rejudged_hour h = {
		.r = r, .db = db, .put = put, .tenant = tenant
	};
	int64_t at = first_instant(r, tenant);
	enum outcome o = find_next(db, tenant, &at);

	while (o == OUTCOME_DONE && at != CLOCK_NONE && !must_end(r)) {
		h.begin = at;
		h.end = clock_floor(at, HOUR_MS) + HOUR_MS;
		o = r->only_count ? judge_hour(db, &h)
				  : db_transaction(db, judge_hour, &h, false);
		r->rows += h.rows;
		at = h.end;
		if (o == OUTCOME_DONE)
			o = find_next(db, tenant, &at);
	}
	return o;
}

enum outcome
rejudge_run(struct db *db, struct rejudge *r)
{
	struct db_bulk *put = db_bulk_new(db,
	    "INSERT INTO intervals (tenant, end_at, chat, message, kind, "
	    "as_of, work_ms, target_ms, kept, judged) VALUES ",
	    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    " ON DUPLICATE KEY UPDATE work_ms = VALUES(work_ms), "
	    "target_ms = VALUES(target_ms), kept = VALUES(kept), "
	    "judged = VALUES(judged)",
	    WRITTEN);
	struct db_value tenant = db_str(r->tenant);
	struct db_rows *tenants = NULL;
	enum outcome o = db_connect(db);

	r->rows = 0;
	r->gave_up = false;
	if (o == OUTCOME_DONE)
		o = db_query(db,
		    "SELECT DISTINCT tenant FROM intervals "
		    "WHERE tenant = COALESCE(?, tenant)",
		    &tenant, 1, &tenants);
	while (o == OUTCOME_DONE && db_next(tenants))
		o = judge_tenant(r, db, put, db_get(tenants, 0));
	db_rows_free(tenants);
	db_bulk_free(put);
	return o;
}
