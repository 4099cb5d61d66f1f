/*
 * rollup: see rollup.h.
 */
#include "sink/rollup/rollup.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/db/db.h"
#include "common/os/stop.h"
#include "sink/rollup/span.h"
#include "sink/rollup/sums_due.h"

/* A day that is being computed. */
struct rollup_work {
	struct rollup *r;
	char *tenant;
	bool whole; /* everything, not only what has changed */
	int64_t day;
	uint32_t hours_changed; /* one bit for each hour */
	struct strmap changed;  /* operators */
	struct span_set hours, days;
	struct span_set tenant_hours, tenant_day;
};

void
rollup_init(struct rollup *r, struct db *db)
{
	*r = (struct rollup){ .db = db };
	r->put = span_set_bulk(db);
}

void
rollup_release(struct rollup *r)
{
	db_bulk_free(r->put);
	free(r->changes);
}

void
rollup_begin(struct rollup *r)
{
	r->changes_n = 0;
}

/* Rows come in the order of their keys. */
static bool
is_last_change(const struct rollup *r, struct text tenant, int64_t hour,
    struct text operator_id)
{
	const struct rollup_change *last;

	if (r->changes == NULL || r->changes_n == 0)
		return false;
	last = &r->changes[r->changes_n - 1];
	return last->hour == hour &&
	       text_compare(last->operator_id, operator_id) == 0 &&
	       text_compare(last->tenant, tenant) == 0;
}

void
rollup_add(
    struct rollup *r, struct text tenant, int64_t hour, struct text operator_id)
{
	if (is_last_change(r, tenant, hour, operator_id))
		return;
	XGROW(r->changes, r->changes_n, r->cap);
	r->changes[r->changes_n++] =
	    (struct rollup_change){ tenant, operator_id, hour };
}

/* Adds the changed hours and operators to a condition. It may match more rows
 * than changed, which is harmless. */
static void
add_changed_keys(const struct rollup_work *d, struct buf *sql)
{
	const struct strmap_entry *e;
	const char *comma = "";
	size_t i = 0;
	int hour;

	if (d->whole)
		return;
	buf_adds(sql, " AND `hour` IN (");
	for (hour = 0; hour < 24; hour++) {
		if ((d->hours_changed & 1U << hour) == 0)
			continue;
		buf_adds(sql, comma);
		db_quote(d->r->db, sql, db_time(d->day + hour * HOUR_MS));
		comma = ", ";
	}
	buf_adds(sql, ") AND operator IN (");
	for (comma = ""; (e = strmap_next(&d->changed, &i)) != NULL;
	     comma = ", ") {
		buf_adds(sql, comma);
		db_quote(d->r->db, sql, db_text(e->key, e->key_len));
	}
	buf_addc(sql, ')');
}

static int64_t
number_of(const struct db_rows *rows, size_t i)
{
	int64_t n = db_get_int(rows, i);

	return n > 0 ? n : 0;
}

/* Returns the sum for the current row's hour, operator and kind; NULL if the
 * kind is not added up. */
static struct span_sum *
sum_of_row(struct rollup_work *d, const struct db_rows *rows, int64_t as_of)
{
	enum span_kind kind =
	    span_kind_named(db_get(rows, 2), db_get_len(rows, 2));
	struct span_row *row;

	if (kind == SPAN_KINDS)
		return NULL;
	row = span_set_row(&d->hours, db_get_time(rows, 0), db_get(rows, 1),
	    db_get_len(rows, 1));
	row->put = true;
	if (as_of > row->as_of)
		row->as_of = as_of;
	return &row->sums.kind[kind];
}

/* Columns of the source rows after hour, operator and kind: a number, sum,
 * maximum and time; or a number and its bucket. */
static const struct {
	const char *columns, *table;
} sources[] = {
	{ "responses, sum_ms, max_ms, as_of, NULL", "response_hours" },
	{ "responses, sum_ms, max_ms, as_of, NULL", "response_hours_parts" },
	{ "`count`, NULL, NULL, NULL, bucket", "response_histogram" },
	{ "`count`, NULL, NULL, NULL, bucket", "response_histogram_parts" },
};

static enum outcome
query_day(const struct rollup_work *d, struct db_rows **rows)
{
	struct db_value args[3 * ARRAY_LEN(sources)];
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(sources); i++) {
		buf_addf(&sql,
		    "%sSELECT `hour`, operator, kind, %s FROM %s "
		    "WHERE tenant = ? AND `hour` >= ? AND `hour` < ?",
		    i > 0 ? " UNION ALL " : "", sources[i].columns,
		    sources[i].table);
		add_changed_keys(d, &sql);
		args[n++] = db_str(d->tenant);
		args[n++] = db_time(d->day);
		args[n++] = db_time(d->day + DAY_MS);
	}
	o = db_query(d->r->db, buf_str(&sql), args, n, rows);
	buf_release(&sql);
	return o;
}

/* Adds up the source rows of the day. */
static enum outcome
read_hours(struct rollup_work *d)
{
	struct db_rows *rows;
	struct span_sum *sum;
	enum outcome o = query_day(d, &rows);

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		sum = sum_of_row(d, rows, db_get_time(rows, 6));
		if (sum == NULL)
			continue;
		if (db_get(rows, 7) == NULL)
			span_sum_add(sum, number_of(rows, 3),
			    number_of(rows, 4), number_of(rows, 5));
		else if (number_of(rows, 7) < DURATION_BUCKETS)
			/* Other programs may have stored any number. */
			span_sum_add_bucket(sum, (uint32_t)number_of(rows, 7),
			    number_of(rows, 3));
	}
	db_rows_free(rows);
	return o;
}

static bool
has_changed(const struct rollup_work *d, const struct span_row *row)
{
	return d->whole ||
	       strmap_get(&d->changed, row->id, strlen(row->id)) != NULL;
}

static bool
has_hour_changed(const struct rollup_work *d, int64_t hour)
{
	return d->whole ||
	       (d->hours_changed & 1U << ((hour - d->day) / HOUR_MS)) != 0;
}

/* Existing rows are written even if they become empty. */
static enum outcome
empty_day(struct rollup_work *d)
{
	struct span_set *const sets[] = { &d->hours, &d->days, &d->tenant_hours,
		&d->tenant_day };
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; o == OUTCOME_DONE && i < ARRAY_LEN(sets); i++)
		o = span_set_read(sets[i], d->r->db, d->tenant, d->day,
		    d->day + DAY_MS, true);
	return o;
}

/* Computes changed hours from the rows, and reads the others. */
static enum outcome
make_hours(struct rollup_work *d)
{
	enum outcome o = d->whole ? empty_day(d) : OUTCOME_DONE;

	if (o == OUTCOME_DONE)
		o = read_hours(d);
	if (o == OUTCOME_DONE && !d->whole)
		o = span_set_read(&d->hours, d->r->db, d->tenant, d->day,
		    d->day + DAY_MS, false);
	return o;
}

static void
add_to(struct span_set *s, int64_t begin, const char *id,
    const struct span_row *row)
{
	struct span_row *to = span_set_row(s, begin, id, strlen(id));

	span_row_merge(to, row);
	to->put = true;
}

static void
add_up_hours(struct rollup_work *d)
{
	const struct strmap_entry *e;
	const struct span_row *hour;
	size_t i = 0;

	while ((e = strmap_next(&d->hours.rows, &i)) != NULL) {
		hour = e->value;
		if (has_changed(d, hour))
			add_to(&d->days, d->day, hour->id, hour);
		add_to(&d->tenant_day, d->day, "", hour);
		if (has_hour_changed(d, hour->begin))
			add_to(&d->tenant_hours, hour->begin, "", hour);
	}
}

static enum outcome
write_work(struct rollup_work *d)
{
	struct span_set *const sets[] = { &d->hours, &d->days, &d->tenant_hours,
		&d->tenant_day };

	return span_sets_write(sets, ARRAY_LEN(sets), d->tenant, d->r->put);
}

static void
begin_work(
    struct rollup_work *d, struct rollup *r, struct text tenant, int64_t ms)
{
	*d = (struct rollup_work){ .r = r,
		.tenant = text_dup(tenant),
		.day = clock_floor(ms, DAY_MS),
		.changed = STRMAP_INIT,
		.hours = { .span = SPAN_HOUR, .of = SPAN_OF_OPERATOR },
		.days = { .span = SPAN_DAY, .of = SPAN_OF_OPERATOR },
		.tenant_hours = { .span = SPAN_HOUR, .of = SPAN_OF_TENANT },
		.tenant_day = { .span = SPAN_DAY, .of = SPAN_OF_TENANT } };
}

static enum outcome
make_day(struct rollup_work *d)
{
	enum outcome o =
	    span_set_lock(&d->tenant_day, d->r->db, d->tenant, d->day);

	if (o == OUTCOME_DONE)
		o = make_hours(d);
	if (o == OUTCOME_DONE) {
		add_up_hours(d);
		o = write_work(d);
	}
	span_set_release(&d->hours);
	span_set_release(&d->days);
	span_set_release(&d->tenant_hours);
	span_set_release(&d->tenant_day);
	strmap_release(&d->changed, NULL);
	free(d->tenant);
	return o;
}

static int
compare_changes(const void *pa, const void *pb)
{
	const struct rollup_change *a = pa, *b = pb;
	int order = text_compare(a->tenant, b->tenant);

	if (order != 0)
		return order;
	return (a->hour > b->hour) - (a->hour < b->hour);
}

enum outcome
rollup_changed(struct rollup *r)
{
	const struct rollup_change *c = r->changes, *first, *end;
	enum outcome o = OUTCOME_DONE;
	struct rollup_work d;

	sort_array(
	    r->changes, r->changes_n, sizeof *r->changes, compare_changes);
	for (end = c + r->changes_n; c < end && o == OUTCOME_DONE;) {
		first = c;
		begin_work(&d, r, first->tenant, first->hour);
		for (; c < end && c->hour < d.day + DAY_MS &&
		       text_compare(c->tenant, first->tenant) == 0;
		     c++) {
			d.hours_changed |= 1U << ((c->hour - d.day) / HOUR_MS);
			*strmap_put(&d.changed, c->operator_id.p,
			    c->operator_id.len) = &d;
		}
		o = make_day(&d);
	}
	return o;
}

/* The same for all data of a day (ms of its begin), regardless of the previous
 * content. Call within a transaction. */
static enum outcome
rollup_day(struct rollup *r, struct text tenant, int64_t day)
{
	struct rollup_work d;

	begin_work(&d, r, tenant, day);
	d.whole = true;
	return make_day(&d);
}

struct recompute {
	struct rollup rollup;
	struct sums_due due;
	struct text tenant;
	int64_t day;
};

/* Every stored row belongs to a day, by the column of its table. */
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

/* The statement for one tenant needs the tenant once for each table. */
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
