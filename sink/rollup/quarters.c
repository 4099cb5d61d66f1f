/*
 * quarters: see quarters.h.
 */
#include "sink/rollup/quarters.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/tables/intervals.h"
#include "sink/rollup/span_set.h"

/* Some hours under way. */
struct quarters_work {
	char *tenant;
	int64_t from, to;
	struct span_set stored; /* the hours, as they are stored */
	struct span_set hours;  /* the hours, as intervals have them */
	struct span_set quarters, quarters_of_all;
};

void
quarters_init(struct quarters *q, struct db *db)
{
	*q = (struct quarters){ .db = db, .next = STRMAP_INIT };
	q->put = span_set_bulk(db);
	quarter_locks_init(&q->locks, db);
}

void
quarters_release(struct quarters *q)
{
	db_bulk_free(q->put);
	quarter_locks_release(&q->locks);
	strmap_release(&q->next, free);
}

/* The present row: its quarter, operator, kind, bucket, number, sum and
 * maximum. */
static void
add_bucket_row(struct quarters_work *w, const struct db_rows *rows)
{
	int64_t begin = w->from + db_get_int(rows, 0) * QUARTER_MS;
	enum span_kind kind =
	    span_kind_named(db_get(rows, 2), db_get_len(rows, 2));
	struct span_set *const sets[] = { &w->quarters, &w->hours };
	struct span_sum *sum;
	size_t i;

	for (i = 0; kind != SPAN_KINDS && i < ARRAY_LEN(sets); i++) {
		sum = &span_set_row(sets[i],
		    i == 0 ? begin : clock_floor(begin, HOUR_MS),
		    db_get(rows, 1), db_get_len(rows, 1))
			   ->sums.kind[kind];
		span_sum_add(sum, db_get_int(rows, 4), db_get_int(rows, 5),
		    db_get_int(rows, 6), 0);
		span_sum_add_bucket(
		    sum, (uint32_t)db_get_int(rows, 3), db_get_int(rows, 4));
	}
}

static enum outcome
count_intervals(struct quarters_work *w, struct db *db)
{
	const struct db_value args[] = { db_time(w->from), db_str(w->tenant),
		db_time(w->from), db_time(w->to) };
	struct db_rows *rows;
	enum outcome o;

	o = db_query(db,
	    "SELECT TIMESTAMPDIFF(MINUTE, ?, end_at) DIV 15 AS quarter, "
	    "COALESCE(operator, '') AS who, kind, " DURATION_BUCKET_SQL(
		"ms") " AS bucket, COUNT(*), SUM(ms), MAX(ms) FROM intervals "
		      "WHERE tenant = ? AND end_at >= ? AND end_at < ? "
		      "AND kind <> 'waiting' AND " INTERVAL_COUNTS
		      " GROUP BY quarter, who, kind, bucket",
	    args, ARRAY_LEN(args), &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		add_bucket_row(w, rows);
	db_rows_free(rows);
	return o;
}

static bool
is_same(const struct span_sum *a, const struct span_sum *b)
{
	bool same = a->n == b->n && a->sum_ms == b->sum_ms &&
		    a->buckets_n == b->buckets_n;
	size_t i;

	for (i = 0; same && i < a->buckets_n; i++)
		same = a->buckets[i].bucket == b->buckets[i].bucket &&
		       a->buckets[i].n == b->buckets[i].n;
	return same;
}

/* Whether both have the same responses. */
static bool
are_same(const struct span_row *a, const struct span_row *b)
{
	size_t i = 0;

	while (i < SPAN_KINDS && is_same(&a->sums.kind[i], &b->sums.kind[i]))
		i++;
	return i == SPAN_KINDS && !a->damaged && !b->damaged;
}

/* Whether b has of an hour what a has of it. */
static bool
has_hour(const struct span_set *b, const struct span_set *a, int64_t hour)
{
	static const struct span_row nothing = { .put = false };
	const struct span_row *x, *y;
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&a->rows, &i)) != NULL) {
		x = e->value;
		if (x->begin != hour)
			continue;
		y = span_set_find(
		    b, hour, x->operator_id, strlen(x->operator_id));
		if (!are_same(x, y != NULL ? y : &nothing))
			return false;
	}
	return true;
}

/* The hour's quarters are to be written, even if nothing is in them. */
static void
put_hour(struct quarters_work *w, int64_t hour)
{
	const struct strmap_entry *e;
	struct span_row *row, *all;
	int64_t begin;
	size_t i = 0;

	for (begin = hour; begin < hour + HOUR_MS; begin += QUARTER_MS)
		span_set_row(&w->quarters_of_all, begin, "", 0)->put = true;
	while ((e = strmap_next(&w->quarters.rows, &i)) != NULL) {
		row = e->value;
		if (clock_floor(row->begin, HOUR_MS) != hour)
			continue;
		row->put = true;
		all = span_set_row(&w->quarters_of_all, row->begin, "", 0);
		span_row_merge(all, row);
	}
}

static enum outcome
decide_hours(struct quarters *q, struct quarters_work *w)
{
	const struct text tenant = { w->tenant, strlen(w->tenant) };
	enum outcome o = OUTCOME_DONE;
	int64_t hour;

	for (hour = w->from; o == OUTCOME_DONE && hour < w->to;
	     hour += HOUR_MS) {
		if (has_hour(&w->hours, &w->stored, hour) &&
		    has_hour(&w->stored, &w->hours, hour))
			put_hour(w, hour);
		else
			o = quarter_locks_refuse(&q->locks, tenant, hour);
	}
	return o;
}

static enum outcome
write_quarters(struct quarters *q, struct quarters_work *w)
{
	enum outcome o = OUTCOME_DONE;

	db_bulk_clear(q->put);
	span_set_put(&w->quarters, w->tenant, q->put);
	span_set_put(&w->quarters_of_all, w->tenant, q->put);
	if (db_bulk_rows(q->put) > 0)
		o = db_bulk_run(q->put, 0, db_bulk_rows(q->put));
	db_bulk_clear(q->put);
	return o;
}

/* The operators whose quarters are there: they have some even if they have
 * nothing in them any more. */
static enum outcome
read_operators(struct quarters_work *w, struct db *db)
{
	enum outcome o =
	    span_set_read(&w->quarters, db, w->tenant, w->from, w->to, true);
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&w->quarters.rows, &i)) != NULL)
		((struct span_row *)e->value)->put = false;
	return o;
}

enum outcome
quarters_make(struct quarters *q, struct text tenant, int64_t from, int64_t to)
{
	struct quarters_work w = { .tenant = text_dup(tenant),
		.from = from,
		.to = to,
		.stored = { .span = SPAN_HOUR },
		.hours = { .span = SPAN_HOUR },
		.quarters = { .span = SPAN_QUARTER },
		.quarters_of_all = { .span = SPAN_QUARTER, .everyone = true } };
	enum outcome o =
	    span_set_read(&w.stored, q->db, w.tenant, from, to, false);

	if (o == OUTCOME_DONE)
		o = read_operators(&w, q->db);
	if (o == OUTCOME_DONE)
		o = count_intervals(&w, q->db);
	if (o == OUTCOME_DONE)
		o = decide_hours(q, &w);
	if (o == OUTCOME_DONE)
		o = write_quarters(q, &w);
	span_set_release(&w.stored);
	span_set_release(&w.hours);
	span_set_release(&w.quarters);
	span_set_release(&w.quarters_of_all);
	free(w.tenant);
	return o;
}
