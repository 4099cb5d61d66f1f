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
#include "sink/rollup/channel_days.h"
#include "sink/rollup/span_set.h"

/* Some hours under way. */
struct quarters_work {
	char *tenant;
	int64_t from, to;
	struct span_set stored; /* the hours, as they are stored */
	struct span_set hours;  /* the hours, as intervals have them */
	struct span_set quarters, quarters_of_all;
	struct span_set quarters_of_channels, hours_of_channels;
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

/* Adds the present row to a set: its quarter, operator or channel, kind,
 * bucket, number, sum and maximum. */
static void
add_bucket_row(struct span_set *s, int64_t begin, const struct db_rows *rows)
{
	enum span_kind kind =
	    span_kind_named(db_get(rows, 2), db_get_len(rows, 2));
	struct span_sum *sum;

	if (kind == SPAN_KINDS)
		return;
	sum = &span_set_row(s, begin, db_get(rows, 1), db_get_len(rows, 1))
		   ->sums.kind[kind];
	span_sum_add(sum, db_get_int(rows, 4), db_get_int(rows, 5),
	    db_get_int(rows, 6), 0);
	span_sum_add_bucket(
	    sum, (uint32_t)db_get_int(rows, 3), db_get_int(rows, 4));
}

/* Adds up the intervals by a column of theirs. */
static enum outcome
count_intervals(const struct quarters_work *w, struct db *db,
    const char *column, struct span_set *quarters, struct span_set *hours)
{
	const struct db_value args[] = { db_time(w->from), db_str(w->tenant),
		db_time(w->from), db_time(w->to) };
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	int64_t begin;

	buf_addf(&sql,
	    "SELECT TIMESTAMPDIFF(MINUTE, ?, end_at) DIV 15 AS quarter, "
	    "COALESCE(%s, '') AS who, kind, " DURATION_BUCKET_SQL(
		"ms") " AS bucket, COUNT(*), SUM(ms), MAX(ms) FROM intervals "
		      "WHERE tenant = ? AND end_at >= ? AND end_at < ? "
		      "AND kind <> 'waiting' AND " INTERVAL_COUNTS
		      " GROUP BY quarter, who, kind, bucket",
	    column);
	o = db_query(db, buf_str(&sql), args, ARRAY_LEN(args), &rows);
	while (o == OUTCOME_DONE && db_next(rows)) {
		begin = w->from + db_get_int(rows, 0) * QUARTER_MS;
		add_bucket_row(quarters, begin, rows);
		add_bucket_row(hours, clock_floor(begin, HOUR_MS), rows);
	}
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

static enum outcome
count_all_intervals(struct quarters_work *w, struct db *db)
{
	enum outcome o =
	    count_intervals(w, db, "operator", &w->quarters, &w->hours);

	return o == OUTCOME_DONE
		   ? count_intervals(w, db, "channel", &w->quarters_of_channels,
			 &w->hours_of_channels)
		   : o;
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
		y = span_set_find(b, hour, x->id, strlen(x->id));
		if (!are_same(x, y != NULL ? y : &nothing))
			return false;
	}
	return true;
}

/* Those of the hour are to be written, and are added to those of everyone,
 * unless that is NULL. */
static void
put_rows_of_hour(struct span_set *s, int64_t hour, struct span_set *of_all)
{
	const struct strmap_entry *e;
	struct span_row *row;
	size_t i = 0;

	while ((e = strmap_next(&s->rows, &i)) != NULL) {
		row = e->value;
		if (clock_floor(row->begin, HOUR_MS) != hour)
			continue;
		row->put = true;
		if (of_all != NULL)
			span_row_merge(
			    span_set_row(of_all, row->begin, "", 0), row);
	}
}

/* The hour's quarters are to be written, even if nothing is in them, and what
 * channels have in it; that there is a row of none says that they are there. */
static void
put_hour(struct quarters_work *w, int64_t hour)
{
	int64_t begin;

	for (begin = hour; begin < hour + HOUR_MS; begin += QUARTER_MS)
		span_set_row(&w->quarters_of_all, begin, "", 0)->put = true;
	put_rows_of_hour(&w->quarters, hour, &w->quarters_of_all);
	(void)span_set_row(&w->hours_of_channels, hour, "", 0);
	put_rows_of_hour(&w->quarters_of_channels, hour, NULL);
	put_rows_of_hour(&w->hours_of_channels, hour, NULL);
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
	struct span_set *const sets[] = { &w->quarters, &w->quarters_of_all,
		&w->quarters_of_channels, &w->hours_of_channels };

	return span_sets_write(sets, ARRAY_LEN(sets), w->tenant, q->put);
}

/* The operators or channels that are there: they have rows even if they have
 * nothing in them any more. */
static enum outcome
read_ids(const struct quarters_work *w, struct db *db, struct span_set *s)
{
	enum outcome o = span_set_read(s, db, w->tenant, w->from, w->to, true);
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->rows, &i)) != NULL)
		((struct span_row *)e->value)->put = false;
	return o;
}

/* What is stored already. */
static enum outcome
read_stored(struct quarters_work *w, struct db *db)
{
	enum outcome o =
	    span_set_read(&w->stored, db, w->tenant, w->from, w->to, false);

	if (o == OUTCOME_DONE)
		o = read_ids(w, db, &w->quarters);
	if (o == OUTCOME_DONE)
		o = read_ids(w, db, &w->quarters_of_channels);
	return o == OUTCOME_DONE ? read_ids(w, db, &w->hours_of_channels) : o;
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
		.quarters_of_all = { .span = SPAN_QUARTER,
		    .of = SPAN_OF_EVERYONE },
		.quarters_of_channels = { .span = SPAN_QUARTER,
		    .of = SPAN_OF_CHANNEL },
		.hours_of_channels = {
		    .span = SPAN_HOUR, .of = SPAN_OF_CHANNEL } };
	enum outcome o = read_stored(&w, q->db);

	if (o == OUTCOME_DONE)
		o = count_all_intervals(&w, q->db);
	if (o == OUTCOME_DONE)
		o = decide_hours(q, &w);
	if (o == OUTCOME_DONE)
		o = write_quarters(q, &w);
	if (o == OUTCOME_DONE)
		o = channel_days_make(q->db, q->put, w.tenant, from, to);
	span_set_release(&w.stored);
	span_set_release(&w.hours);
	span_set_release(&w.quarters);
	span_set_release(&w.quarters_of_all);
	span_set_release(&w.quarters_of_channels);
	span_set_release(&w.hours_of_channels);
	free(w.tenant);
	return o;
}
