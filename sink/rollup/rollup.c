/*
 * rollup: see rollup.h.
 */
#include "sink/rollup/rollup.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "sink/rollup/span_set.h"

/* A month under way, day by day. */
struct rollup_work {
	struct rollup *r;
	char *tenant;
	bool whole;  /* all of it, not only what has changed */
	bool is_new; /* the month had no row */
	int64_t day;
	uint32_t hours_changed; /* bits, of that day */
	struct strmap changed;  /* operators of the month */
	/* Of days that change, all that is stored; days of all the month. */
	struct span_set hours, days, months;
	struct span_set hours_of_all, days_of_all, months_of_all;
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

/* Adds the changed hours and operators to a condition: more rows than changed
 * may fit it, which is no harm. */
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

/* The rows of the day that the stored ones are added up from. */
static enum outcome
query_day(const struct rollup_work *d, const char *columns, const char *table,
    struct db_rows **rows)
{
	const struct db_value args[] = { db_str(d->tenant), db_time(d->day),
		db_time(d->day + DAY_MS) };
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql,
	    "SELECT `hour`, operator, kind, %s FROM %s WHERE tenant = ? "
	    "AND `hour` >= ? AND `hour` < ?",
	    columns, table);
	add_changed_keys(d, &sql);
	o = db_query(d->r->db, buf_str(&sql), args, ARRAY_LEN(args), rows);
	buf_release(&sql);
	return o;
}

static int64_t
number_of(const struct db_rows *rows, size_t i)
{
	int64_t n = db_get_int(rows, i);

	return n > 0 ? n : 0;
}

/* The sum of the present row's hour, operator and kind; NULL: no kind that is
 * added up. */
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

static enum outcome
read_hour_sums(struct rollup_work *d, const char *table)
{
	struct db_rows *rows;
	struct span_sum *sum;
	enum outcome o = query_day(
	    d, "responses, sum_ms, max_ms, version, as_of", table, &rows);

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		sum = sum_of_row(d, rows, db_get_time(rows, 7));
		if (sum != NULL)
			span_sum_add(sum, number_of(rows, 3),
			    number_of(rows, 4), number_of(rows, 5),
			    number_of(rows, 6));
	}
	db_rows_free(rows);
	return o;
}

static enum outcome
read_hour_buckets(struct rollup_work *d, const char *table)
{
	struct db_rows *rows;
	struct span_sum *sum;
	int64_t bucket;
	enum outcome o = query_day(d, "bucket, `count`", table, &rows);

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		bucket = number_of(rows, 3);
		sum = sum_of_row(d, rows, CLOCK_NONE);
		/* Sinks once stored any number. */
		if (sum != NULL && bucket < DURATION_BUCKETS)
			span_sum_add_bucket(
			    sum, (uint32_t)bucket, number_of(rows, 4));
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

/* Adds a span to that of everyone that begins then. */
static void
add_to_all(struct span_set *of_all, int64_t begin, const struct span_row *row)
{
	struct span_row *all = span_set_row(of_all, begin, "", 0);

	span_row_merge(all, row);
	all->put = true;
}

static enum outcome
make_hours(struct rollup_work *d)
{
	int64_t end = d->day + DAY_MS;
	enum outcome o = OUTCOME_DONE;

	if (d->whole)
		o = span_set_read(
		    &d->hours, d->r->db, d->tenant, d->day, end, true);
	if (o == OUTCOME_DONE && d->whole)
		o = span_set_read(
		    &d->hours_of_all, d->r->db, d->tenant, d->day, end, true);
	if (o == OUTCOME_DONE)
		o = read_hour_sums(d, "response_hours");
	if (o == OUTCOME_DONE)
		o = read_hour_sums(d, "response_hours_parts");
	if (o == OUTCOME_DONE)
		o = read_hour_buckets(d, "response_histogram");
	if (o == OUTCOME_DONE)
		o = read_hour_buckets(d, "response_histogram_parts");
	if (o == OUTCOME_DONE && !d->whole)
		o = span_set_read(
		    &d->hours, d->r->db, d->tenant, d->day, end, false);
	return o;
}

/* The day of an hour's operator if it is made anew, emptied first: that of one
 * who has changed, or has none, because `reaper --retention` deletes days that
 * began before what it keeps. Else NULL. */
static struct span_row *
day_to_make(struct rollup_work *d, const struct span_row *hour)
{
	struct span_row *day =
	    span_set_find(&d->days, d->day, hour->id, strlen(hour->id));

	if (day != NULL && day->put)
		return day;
	if (day != NULL && !has_changed(d, hour))
		return NULL;
	day = span_set_row(&d->days, d->day, hour->id, strlen(hour->id));
	span_sums_release(&day->sums);
	day->damaged = false;
	day->as_of = day->begin;
	day->put = true;
	return day;
}

/* The day from its hours. */
static enum outcome
make_day(struct rollup_work *d)
{
	enum outcome o = make_hours(d);
	const struct strmap_entry *e;
	const struct span_row *hour;
	struct span_row *day;
	size_t i = 0;

	if (o != OUTCOME_DONE)
		return o;
	while ((e = strmap_next(&d->hours.rows, &i)) != NULL) {
		hour = e->value;
		if (hour->begin < d->day || hour->begin >= d->day + DAY_MS)
			continue;
		day = day_to_make(d, hour);
		if (day != NULL)
			span_row_merge(day, hour);
		add_to_all(&d->days_of_all, d->day, hour);
		if (has_hour_changed(d, hour->begin))
			add_to_all(&d->hours_of_all, hour->begin, hour);
	}
	return o;
}

static void
add_to_month(struct rollup_work *d, int64_t month, const struct span_row *row)
{
	struct span_row *of;

	add_to_all(&d->months_of_all, month, row);
	if (!d->is_new && !has_changed(d, row))
		return;
	of = span_set_row(&d->months, month, row->id, strlen(row->id));
	span_row_merge(of, row);
	of->put = true;
}

/* The month from its days, and from what hours are left before the first of
 * them. */
static enum outcome
make_month(struct rollup_work *d)
{
	int64_t month = rollup_month(d->day), first = INT64_MAX;
	struct span_set before = { .span = SPAN_HOUR };
	enum outcome o = OUTCOME_DONE;
	const struct strmap_entry *e;
	const struct span_row *row;
	size_t i;

	if (d->whole)
		o = span_set_read(
		    &d->months, d->r->db, d->tenant, month, month + 1, true);
	if (o == OUTCOME_DONE && d->whole)
		o = span_set_read(&d->months_of_all, d->r->db, d->tenant, month,
		    month + 1, true);
	for (i = 0; (e = strmap_next(&d->days.rows, &i)) != NULL;) {
		row = e->value;
		first = row->begin < first ? row->begin : first;
		add_to_month(d, month, row);
	}
	if (o == OUTCOME_DONE && first > month && first != INT64_MAX)
		o = span_set_read(
		    &before, d->r->db, d->tenant, month, first, false);
	for (i = 0; (e = strmap_next(&before.rows, &i)) != NULL;)
		add_to_month(d, month, e->value);
	span_set_release(&before);
	return o;
}

static enum outcome
write_work(struct rollup_work *d)
{
	struct span_set *const sets[] = { &d->hours, &d->hours_of_all, &d->days,
		&d->days_of_all, &d->months, &d->months_of_all };

	return span_sets_write(sets, ARRAY_LEN(sets), d->tenant, d->r->put);
}

/* Begins, and takes the month's days. */
static enum outcome
begin_work(struct rollup_work *d, struct rollup *r, struct text tenant,
    int64_t day, bool whole)
{
	enum outcome o;

	*d = (struct rollup_work){ .r = r,
		.tenant = text_dup(tenant),
		.day = day,
		.whole = whole,
		.changed = STRMAP_INIT,
		.hours = { .span = SPAN_HOUR },
		.days = { .span = SPAN_DAY },
		.months = { .span = SPAN_MONTH },
		.hours_of_all = { .span = SPAN_HOUR, .of = SPAN_OF_EVERYONE },
		.days_of_all = { .span = SPAN_DAY, .of = SPAN_OF_EVERYONE },
		.months_of_all = {
		    .span = SPAN_MONTH, .of = SPAN_OF_EVERYONE } };
	o = span_set_lock(
	    &d->months_of_all, r->db, d->tenant, rollup_month(day), &d->is_new);
	if (o == OUTCOME_DONE && whole) {
		o = span_set_read(
		    &d->days, d->r->db, d->tenant, day, day + 1, true);
		if (o == OUTCOME_DONE)
			o = span_set_read(&d->days_of_all, d->r->db, d->tenant,
			    day, day + 1, true);
	}
	if (o == OUTCOME_DONE)
		o = span_set_read(&d->days, d->r->db, d->tenant,
		    rollup_month(day), rollup_next_month(day), false);
	return o;
}

/* Makes the month of the days and writes all, unless something failed. */
static enum outcome
end_work(struct rollup_work *d, enum outcome o)
{
	if (o == OUTCOME_DONE)
		o = make_month(d);
	if (o == OUTCOME_DONE)
		o = write_work(d);
	span_set_release(&d->hours);
	span_set_release(&d->days);
	span_set_release(&d->months);
	span_set_release(&d->hours_of_all);
	span_set_release(&d->days_of_all);
	span_set_release(&d->months_of_all);
	strmap_release(&d->changed, NULL);
	free(d->tenant);
	return o;
}

/* The changes of a tenant within a month. */
static enum outcome
make_changes(struct rollup *r, const struct rollup_change *changes, size_t n)
{
	struct rollup_work d;
	enum outcome o;
	size_t i;

	o = begin_work(&d, r, changes[0].tenant,
	    clock_floor(changes[0].hour, DAY_MS), false);
	for (i = 0; i < n; i++)
		*strmap_put(&d.changed, changes[i].operator_id.p,
		    changes[i].operator_id.len) = &d;
	for (i = 0; i < n && o == OUTCOME_DONE;) {
		d.day = clock_floor(changes[i].hour, DAY_MS);
		d.hours_changed = 0;
		for (; i < n && changes[i].hour < d.day + DAY_MS; i++)
			d.hours_changed |=
			    1U << ((changes[i].hour - d.day) / HOUR_MS);
		o = make_day(&d);
	}
	return end_work(&d, o);
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
	enum outcome o = OUTCOME_DONE;
	const struct rollup_change *first, *c;
	size_t i;
	int64_t end;

	if (r->changes_n > 0)
		qsort(r->changes, r->changes_n, sizeof *r->changes,
		    compare_changes);
	for (i = 0; i < r->changes_n && o == OUTCOME_DONE;) {
		first = c = &r->changes[i];
		end = rollup_next_month(first->hour);
		while (i < r->changes_n && c->hour < end &&
		       text_compare(c->tenant, first->tenant) == 0)
			c = &r->changes[++i];
		o = make_changes(r, first, (size_t)(c - first));
	}
	return o;
}

enum outcome
rollup_day(struct rollup *r, struct text tenant, int64_t day)
{
	struct rollup_work d;
	enum outcome o;

	o = begin_work(&d, r, tenant, clock_floor(day, DAY_MS), true);
	if (o == OUTCOME_DONE)
		o = make_day(&d);
	return end_work(&d, o);
}
