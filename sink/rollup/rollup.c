/*
 * rollup: see rollup.h.
 */
#include "sink/rollup/rollup.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/rollup/span_set.h"

/* A month under way, day by day. */
struct rollup_work {
	struct rollup *r;
	char *tenant;
	bool whole; /* all of it, not only what has changed */
	int64_t day;
	uint32_t hours_changed; /* bits, of that day */
	struct strmap changed;  /* operators of the month */
	struct span_set hours, day_of, month_of;
	struct span_set hours_of_all, day_of_all, month_of_all;
};

void
rollup_init(struct rollup *r, struct db *db)
{
	*r = (struct rollup){ .db = db };
	r->put = db_bulk_new(
	    db, SPAN_SET_HEAD, SPAN_SET_ROW, SPAN_SET_TAIL, SPAN_SET_COLUMNS);
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

void
rollup_add(
    struct rollup *r, struct text tenant, int64_t hour, struct text operator)
{
	const struct rollup_change *last = NULL;

	if (r->changes_n > 0)
		last = &r->changes[r->changes_n - 1];
	/* Rows come in the order of their keys. */
	if (last != NULL && last->hour == hour &&
	    text_compare(last->operator, operator) == 0 &&
	    text_compare(last->tenant, tenant) == 0)
		return;
	XGROW(r->changes, r->changes_n, r->cap);
	r->changes[r->changes_n++] =
	    (struct rollup_change){ tenant, operator, hour };
}

/* The civil month: 12 times the year and the month from 0. */
static int64_t
civil_month(int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, text); /* 2026-11-20... */
	return 12 * strtol(text, NULL, 10) + strtol(text + 5, NULL, 10) - 1;
}

static int64_t
civil_month_begin(int64_t month)
{
	return 1000 *
	       clock_civil((int)(month / 12), (int)(month % 12) + 1, 1, 0, 0, 0);
}

int64_t
rollup_month(int64_t ms)
{
	return civil_month_begin(civil_month(ms));
}

int64_t
rollup_next_month(int64_t ms)
{
	return civil_month_begin(civil_month(ms) + 1);
}

static int64_t
day_begin(int64_t ms)
{
	int64_t rest = ms % DAY_MS;

	return ms - (rest < 0 ? rest + DAY_MS : rest);
}

/* Holds the month for this transaction. */
static enum outcome
lock_month(const struct rollup_work *d)
{
	int64_t month = rollup_month(d->day);
	const struct db_value args[] = { db_str(d->tenant), db_str(SPAN_MONTH),
		db_time(month), db_time(month) };

	return db_exec(d->r->db,
	    "INSERT INTO response_rollups (tenant, everyone, span, begin_at, "
	    "operator, sums, as_of, version) VALUES (?, 1, ?, ?, '', '', ?, 0) "
	    "ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)",
	    args, ARRAY_LEN(args), NULL);
}

/* Adds the changed hours and operators to a condition: more rows than changed
 * may fit it, which is no harm. */
static void
add_changes(const struct rollup_work *d, struct buf *sql)
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
	add_changes(d, &sql);
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
	enum outcome o = query_day(d, "bucket, `count`", table, &rows);

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		sum = sum_of_row(d, rows, CLOCK_NONE);
		if (sum != NULL)
			span_sum_add_bucket(sum, (uint32_t)number_of(rows, 3),
			    number_of(rows, 4));
	}
	db_rows_free(rows);
	return o;
}

/* The rows of a length that begin within a time. */
static enum outcome
query_spans(const struct rollup_work *d, const char *span, bool everyone,
    int64_t from, int64_t to, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(d->tenant), db_int(everyone),
		db_str(span), db_time(from), db_time(to) };

	return db_query(d->r->db,
	    "SELECT begin_at, operator, sums, as_of FROM response_rollups "
	    "WHERE tenant = ? AND everyone = ? AND span = ? AND begin_at >= ? "
	    "AND begin_at < ?",
	    args, ARRAY_LEN(args), rows);
}

/* Where all is added up anew, what is stored already is written, too: it may
 * have no rows any more. */
static enum outcome
take_stored(struct rollup_work *d, struct span_set *set, int64_t from, int64_t to)
{
	struct db_rows *rows;
	enum outcome o;

	if (!d->whole)
		return OUTCOME_DONE;
	o = query_spans(d, set->span, set->everyone, from, to, &rows);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows))
		(void)span_set_row(set, db_get_time(rows, 0), db_get(rows, 1),
		    db_get_len(rows, 1));
	db_rows_free(rows);
	return o;
}

static void
add_present(const struct rollup_work *d, struct span_row *to,
    const struct db_rows *rows)
{
	if (span_row_add(to, db_get(rows, 2), db_get_time(rows, 3)) != 0)
		log_warn("response_rollups has a damaged row of tenant %s at "
			 "%s; run `sink --recompute`",
		    d->tenant, db_get(rows, 0));
}

static bool
has_changed(const struct rollup_work *d, const struct db_rows *rows)
{
	return d->whole || strmap_get(&d->changed, db_get(rows, 1),
			       db_get_len(rows, 1)) != NULL;
}

static bool
has_hour_changed(const struct rollup_work *d, int64_t hour)
{
	return d->whole || (d->hours_changed &
			       1U << ((hour - d->day) / HOUR_MS)) != 0;
}

/* Adds up the shorter spans of operators within a time: the longer one's, and
 * that of everyone, and with `hours` each changed hour's of everyone. */
static enum outcome
add_spans(struct rollup_work *d, const char *span, int64_t from, int64_t to,
    int64_t begin, struct span_set *longer, struct span_set *of_all,
    struct span_set *hours)
{
	struct db_rows *rows;
	enum outcome o = query_spans(d, span, false, from, to, &rows);
	int64_t at;

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		if (has_changed(d, rows))
			add_present(d,
			    span_set_row(longer, begin, db_get(rows, 1),
				db_get_len(rows, 1)),
			    rows);
		add_present(d, span_set_row(of_all, begin, "", 0), rows);
		at = db_get_time(rows, 0);
		if (hours != NULL && has_hour_changed(d, at))
			add_present(d, span_set_row(hours, at, "", 0), rows);
	}
	db_rows_free(rows);
	return o;
}

static enum outcome
make_hours(struct rollup_work *d)
{
	enum outcome o =
	    take_stored(d, &d->hours, d->day, d->day + DAY_MS);

	if (o == OUTCOME_DONE)
		o = read_hour_sums(d, "response_hours");
	if (o == OUTCOME_DONE)
		o = read_hour_sums(d, "response_hours_parts");
	if (o == OUTCOME_DONE)
		o = read_hour_buckets(d, "response_histogram");
	if (o == OUTCOME_DONE)
		o = read_hour_buckets(d, "response_histogram_parts");
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->hours, d->tenant, d->r->put);
	return o;
}

static enum outcome
make_day(struct rollup_work *d)
{
	int64_t end = d->day + DAY_MS;
	enum outcome o = take_stored(d, &d->hours_of_all, d->day, end);

	if (o == OUTCOME_DONE)
		o = take_stored(d, &d->day_of, d->day, d->day + 1);
	if (o == OUTCOME_DONE)
		o = add_spans(d, SPAN_HOUR, d->day, end, d->day, &d->day_of,
		    &d->day_of_all, &d->hours_of_all);
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->hours_of_all, d->tenant, d->r->put);
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->day_of, d->tenant, d->r->put);
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->day_of_all, d->tenant, d->r->put);
	return o;
}

/* When the month's first day begins: the hours before belong to a day of which
 * only a part is kept (reaper --retention). */
static enum outcome
find_first_day(const struct rollup_work *d, int64_t from, int64_t to, int64_t *day)
{
	const struct db_value args[] = { db_str(d->tenant), db_str(SPAN_DAY),
		db_time(from), db_time(to) };
	struct db_rows *rows;
	enum outcome o;

	*day = from;
	o = db_query(d->r->db,
	    "SELECT MIN(begin_at) FROM response_rollups WHERE tenant = ? "
	    "AND everyone = 1 AND span = ? AND begin_at >= ? AND begin_at < ?",
	    args, ARRAY_LEN(args), &rows);
	if (o != OUTCOME_DONE)
		return o;
	if (db_next(rows) && db_get(rows, 0) != NULL)
		*day = db_get_time(rows, 0);
	db_rows_free(rows);
	return o;
}

static enum outcome
make_month(struct rollup_work *d)
{
	int64_t from = rollup_month(d->day), to = rollup_next_month(d->day);
	int64_t first;
	enum outcome o = take_stored(d, &d->month_of, from, from + 1);

	if (o == OUTCOME_DONE)
		o = find_first_day(d, from, to, &first);
	if (o == OUTCOME_DONE && first > from)
		o = add_spans(d, SPAN_HOUR, from, first, from, &d->month_of,
		    &d->month_of_all, NULL);
	if (o == OUTCOME_DONE)
		o = add_spans(d, SPAN_DAY, from, to, from, &d->month_of,
		    &d->month_of_all, NULL);
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->month_of, d->tenant, d->r->put);
	if (o == OUTCOME_DONE)
		o = span_set_write(&d->month_of_all, d->tenant, d->r->put);
	return o;
}

static void
begin_work(struct rollup_work *d, struct rollup *r, struct text tenant,
    int64_t day, bool whole)
{
	*d = (struct rollup_work){ .r = r,
		.tenant = text_dup(tenant),
		.day = day,
		.whole = whole,
		.changed = STRMAP_INIT,
		.hours = { .span = SPAN_HOUR },
		.day_of = { .span = SPAN_DAY },
		.month_of = { .span = SPAN_MONTH },
		.hours_of_all = { .span = SPAN_HOUR, .everyone = true },
		.day_of_all = { .span = SPAN_DAY, .everyone = true },
		.month_of_all = { .span = SPAN_MONTH, .everyone = true } };
}

static void
end_day(struct rollup_work *d)
{
	span_set_release(&d->hours);
	span_set_release(&d->day_of);
	span_set_release(&d->hours_of_all);
	span_set_release(&d->day_of_all);
}

static void
end_work(struct rollup_work *d)
{
	end_day(d);
	span_set_release(&d->month_of);
	span_set_release(&d->month_of_all);
	strmap_release(&d->changed, NULL);
	free(d->tenant);
}

static enum outcome
make_hours_and_day(struct rollup_work *d)
{
	enum outcome o = make_hours(d);

	if (o == OUTCOME_DONE)
		o = make_day(d);
	end_day(d);
	return o;
}

/* The changes of a tenant within a month. */
static enum outcome
make_changes(
    struct rollup *r, const struct rollup_change *changes, size_t n)
{
	struct rollup_work d;
	enum outcome o;
	size_t i;

	begin_work(&d, r, changes[0].tenant, day_begin(changes[0].hour), false);
	for (i = 0; i < n; i++)
		*strmap_put(&d.changed, changes[i].operator.p,
		    changes[i].operator.len) = &d;
	o = lock_month(&d);
	for (i = 0; i < n && o == OUTCOME_DONE;) {
		d.day = day_begin(changes[i].hour);
		d.hours_changed = 0;
		for (; i < n && changes[i].hour < d.day + DAY_MS; i++)
			d.hours_changed |=
			    1U << ((changes[i].hour - d.day) / HOUR_MS);
		o = make_hours_and_day(&d);
	}
	if (o == OUTCOME_DONE)
		o = make_month(&d);
	end_work(&d);
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

	begin_work(&d, r, tenant, day_begin(day), true);
	o = lock_month(&d);
	if (o == OUTCOME_DONE)
		o = make_hours_and_day(&d);
	if (o == OUTCOME_DONE)
		o = make_month(&d);
	end_work(&d);
	return o;
}
