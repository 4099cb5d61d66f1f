/*
 * response_sums: see response_sums.h. What is read comes in two lists, sums and
 * buckets, each from several places; both are sorted by slot and operator, and
 * what is of the same is added.
 *
 * Tables and their parts are read one after the other, not through the views
 * that add them up: those took 18 times as long for the hours of a month.
 */
#include "sink/responses/response_sums.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/histogram.h"
#include "common/text/jsonw.h"
#include "sink/api/scope.h"

/* Groups that are read; an answer that needs more is refused. */
#define SUMS_MAX 50000
#define BUCKETS_MAX 300000
#define CHUNK_MS (6 * HOUR_MS)

struct sums_reader {
	struct question *q;
	const struct response_plan *plan;
	const struct response_choice *choice;
	bool by_operator;
	struct response_sums *to;
	int64_t end_ms; /* no further statement, by the monotonic clock */
};

/* The name, kept as long as the sums. */
static const char *
keep_operator(struct response_sums *s, const char *name)
{
	void **kept;

	if (name == NULL)
		name = "";
	kept = strmap_put(&s->operators, name, strlen(name));
	if (*kept == NULL)
		*kept = xstrdup(name);
	return *kept;
}

static void
keep_newest(int64_t *newest, int64_t n)
{
	if (n > *newest)
		*newest = n;
}

/* The slot of the present row; -1: it does not count. */
static int64_t
read_slot(const struct sums_reader *r, const struct db_rows *rows, bool hours)
{
	int64_t n = db_get_int(rows, 0);

	if (!hours || r->plan->stretches_n == 0)
		return n;
	return n >= 0 && n < (int64_t)r->plan->stretches_n
		   ? r->plan->stretches[n].slot
		   : -1;
}

static void
add_sum(struct response_sums *to, struct response_sum sum)
{
	XGROW(to->list, to->n, to->cap);
	to->list[to->n++] = sum;
}

static void
add_bucket(struct response_sums *to, struct response_bucket b)
{
	XGROW(to->buckets, to->buckets_n, to->buckets_cap);
	to->buckets[to->buckets_n++] = b;
}

/* Asks, with the arguments behind the tenant; the rows are at most `most`. */
static bool
ask_groups(struct sums_reader *r, const struct buf *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
{
	if (!question_ask(r->q, buf_str(sql), args, n, rows))
		return false;
	if (db_rows_count(*rows) <= most)
		return true;
	return question_problem(r->q, 400,
	    "too many periods and operators; take a longer period (by), one "
	    "operator or a shorter range");
}

/* Of hours nobody is '', of intervals NULL. */
#define HOUR_OPERATOR "operator"
#define INTERVAL_OPERATOR "COALESCE(operator, '')"

/* The conditions after those of time; their arguments go to args. */
static size_t
add_choice(const struct sums_reader *r, const char *operator, struct buf * sql,
    struct db_value *args)
{
	const struct viewer *v = &r->q->viewer;

	buf_addf(sql, " AND kind IN (%s)", r->choice->kinds);
	if (r->by_operator || r->choice->operator!= NULL)
		scope_add_rows(v, "operator", sql);
	else
		scope_add_totals(v, "operator", sql);
	if (r->choice->operator== NULL)
		return 0;
	buf_addf(sql, " AND %s = ?", operator);
	args[0] = db_str(r->choice->operator);
	return 1;
}

/* The conditions on hours; their arguments go to args. */
static size_t
add_hours(const struct sums_reader *r, int64_t from, int64_t to,
    struct buf *sql, struct db_value *args)
{
	buf_adds(sql, " WHERE tenant = ? AND `hour` >= ? AND `hour` < ?");
	args[0] = db_time(from);
	args[1] = db_time(to);
	return 2 + add_choice(r, HOUR_OPERATOR, sql, args + 2);
}

/* Of the table, or its parts. */
static bool
read_hours(struct sums_reader *r, const char *table)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[3];
	int64_t slot;
	size_t n;
	bool good;

	buf_addf(&sql,
	    "SELECT %s AS slot, %s AS who, SUM(responses), SUM(sum_ms), "
	    "MAX(max_ms), MAX(version), MAX(as_of) FROM %s",
	    r->plan->hour_slot.len > 0 ? buf_str(&r->plan->hour_slot) : "-1",
	    r->by_operator ? HOUR_OPERATOR : "''", table);
	/* All that the range touches: those that are cut have a version, too.
	 */
	n = add_hours(r, r->plan->from - HOUR_MS + 1, r->plan->to, &sql, args);
	buf_addf(&sql, " GROUP BY slot, who LIMIT %d", SUMS_MAX + 1);
	good = ask_groups(r, &sql, args, n, SUMS_MAX, &rows);
	while (good && db_next(rows)) {
		keep_newest(&r->to->version, db_get_int(rows, 5));
		keep_newest(&r->to->as_of, db_get_time(rows, 6));
		slot = read_slot(r, rows, true);
		if (slot >= 0 && db_get_int(rows, 2) > 0)
			add_sum(r->to,
			    (struct response_sum){ .slot = (uint32_t)slot,
				.operator=
				    keep_operator(r->to, db_get(rows, 1)),
				.n = db_get_int(rows, 2),
				.sum_ms = db_get_int(rows, 3),
				.max_ms = db_get_int(rows, 4) });
	}
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

static bool
read_chunk(
    struct sums_reader *r, const char *table, const struct response_chunk *c)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[3];
	int64_t slot;
	size_t n;
	bool good;

	buf_addf(&sql,
	    "SELECT %s AS slot, %s AS who, bucket, SUM(`count`) FROM %s",
	    buf_str(&c->slot), r->by_operator ? HOUR_OPERATOR : "''", table);
	n = add_hours(r, c->from, c->to, &sql, args);
	buf_addf(&sql, " GROUP BY slot, who, bucket LIMIT %d", BUCKETS_MAX + 1);
	good =
	    ask_groups(r, &sql, args, n, BUCKETS_MAX - r->to->buckets_n, &rows);
	while (good && db_next(rows)) {
		slot = read_slot(r, rows, true);
		if (slot >= 0 && db_get_int(rows, 3) > 0)
			add_bucket(r->to,
			    (struct response_bucket){ .slot = (uint32_t)slot,
				.operator=
				    keep_operator(r->to, db_get(rows, 1)),
				.bucket = (uint32_t)db_get_int(rows, 2),
				.n = db_get_int(rows, 3) });
	}
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* By operator in chunks: a group has room for the longest name. */
static bool
read_buckets(struct sums_reader *r, const char *table)
{
	struct response_chunk c = { .next = 0 };
	int64_t least = r->by_operator ? CHUNK_MS : INT64_MAX;
	bool good = true;

	while (good && response_plan_next(r->plan, least, &c))
		good = (clock_mono_ms() < r->end_ms || question_late(r->q)) &&
		       read_chunk(r, table, &c);
	buf_release(&c.slot);
	return good;
}

/* A row of intervals: both a sum and a bucket. */
static void
take_intervals(struct sums_reader *r, const struct db_rows *rows)
{
	int64_t slot = read_slot(r, rows, false);
	const char *who;

	if (slot < 0)
		return;
	who = keep_operator(r->to, db_get(rows, 1));
	add_bucket(r->to, (struct response_bucket){ .slot = (uint32_t)slot,
			      .operator= who,
			      .bucket = (uint32_t)db_get_int(rows, 2),
			      .n = db_get_int(rows, 3) });
	add_sum(r->to, (struct response_sum){ .slot = (uint32_t)slot,
			   .operator= who,
			   .n = db_get_int(rows, 3),
			   .sum_ms = db_get_int(rows, 4),
			   .max_ms = db_get_int(rows, 5) });
}

/* " AND (end_at >= ? AND end_at < ? OR ...)" */
static void
add_ranges(
    const struct response_plan *p, struct buf *sql, struct db_value *args)
{
	size_t i;

	for (i = 0; i < p->intervals_n; i++) {
		buf_adds(sql, i == 0 ? " AND (" : " OR ");
		buf_adds(sql, "(end_at >= ? AND end_at < ?)");
		args[2 * i] = db_time(p->intervals[i].from);
		args[2 * i + 1] = db_time(p->intervals[i].to);
	}
	buf_addc(sql, ')');
}

static bool
read_intervals(struct sums_reader *r)
{
	const struct response_plan *p = r->plan;
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 2 * p->intervals_n;
	bool good;

	if (n == 0)
		return true;
	args = xcalloc(n + 1, sizeof *args);
	buf_addf(&sql,
	    "SELECT %s AS slot, %s AS who, %s AS bucket, COUNT(*), SUM(ms), "
	    "MAX(ms) FROM intervals WHERE tenant = ?",
	    buf_str(&p->interval_slot),
	    r->by_operator ? INTERVAL_OPERATOR : "''",
	    HISTOGRAM_BUCKET_SQL("ms"));
	add_ranges(p, &sql, args);
	n += add_choice(r, INTERVAL_OPERATOR, &sql, args + n);
	buf_addf(&sql, " AND withdrawn = 0 GROUP BY slot, who, bucket LIMIT %d",
	    BUCKETS_MAX + 1);
	good = ask_groups(r, &sql, args, n, BUCKETS_MAX, &rows);
	while (good && db_next(rows))
		take_intervals(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	free(args);
	return good;
}

static int
compare_places(uint32_t slot_a, const char *a, uint32_t slot_b, const char *b)
{
	if (slot_a != slot_b)
		return slot_a < slot_b ? -1 : 1;
	return a == b ? 0 : strcmp(a, b);
}

static int
compare_sums(const void *pa, const void *pb)
{
	const struct response_sum *a = pa, *b = pb;

	return compare_places(a->slot, a->operator, b->slot, b->operator);
}

static int
compare_buckets(const void *pa, const void *pb)
{
	const struct response_bucket *a = pa, *b = pb;
	int order = compare_places(a->slot, a->operator, b->slot, b->operator);

	if (order != 0 || a->bucket == b->bucket)
		return order;
	return a->bucket < b->bucket ? -1 : 1;
}

static void
merge_sums(struct response_sums *s)
{
	struct response_sum *last = NULL;
	size_t i, n = 0;

	if (s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, compare_sums);
	for (i = 0; i < s->n; i++) {
		if (last != NULL && compare_sums(last, &s->list[i]) == 0) {
			last->n += s->list[i].n;
			last->sum_ms += s->list[i].sum_ms;
			keep_newest(&last->max_ms, s->list[i].max_ms);
		} else {
			last = &s->list[n++];
			*last = s->list[i];
		}
	}
	s->n = n;
}

static void
merge_buckets(struct response_sums *s)
{
	struct response_bucket *last = NULL;
	size_t i, n = 0;

	if (s->buckets_n > 0)
		qsort(s->buckets, s->buckets_n, sizeof *s->buckets,
		    compare_buckets);
	for (i = 0; i < s->buckets_n; i++) {
		if (last != NULL &&
		    compare_buckets(last, &s->buckets[i]) == 0) {
			last->n += s->buckets[i].n;
		} else {
			last = &s->buckets[n++];
			*last = s->buckets[i];
		}
	}
	s->buckets_n = n;
}

/* Gives each sum its buckets. */
static void
join_buckets(struct response_sums *s)
{
	const struct response_bucket *b = s->buckets, *end = b + s->buckets_n;
	struct response_sum *sum;
	int order;

	for (sum = s->list; sum < s->list + s->n; sum++) {
		sum->buckets = b;
		for (; b < end; b++) {
			order = compare_places(
			    b->slot, b->operator, sum->slot, sum->operator);
			if (order > 0)
				break;
			if (order == 0)
				sum->buckets_n++;
			else
				sum->buckets = b + 1;
		}
	}
}

bool
response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_choice *c, bool by_operator, struct response_sums *s)
{
	struct sums_reader r = { q, p, c, by_operator, s,
		clock_mono_ms() + q->timeout_ms };
	bool good;

	*s = (struct response_sums){ .version = CLOCK_NONE,
		.as_of = CLOCK_NONE };
	/* All of one moment: a flush between two of them would be in one. */
	good = question_begin(q) && read_hours(&r, "response_hours") &&
	       read_hours(&r, "response_hours_parts") &&
	       read_buckets(&r, "response_histogram") &&
	       read_buckets(&r, "response_histogram_parts") &&
	       read_intervals(&r);
	question_end(q);
	if (!good)
		return false;
	merge_sums(s);
	merge_buckets(s);
	join_buckets(s);
	if (s->n <= RESPONSE_ROWS_MAX)
		return true;
	return question_problem(q, 400,
	    "more than %d rows; take a longer period (by), one operator or a "
	    "shorter range",
	    RESPONSE_ROWS_MAX);
}

void
response_sums_release(struct response_sums *s)
{
	free(s->list);
	free(s->buckets);
	strmap_release(&s->operators, free);
}

static void
write_zoned_time(
    struct buf *to, const char *name, const struct zone *z, int64_t ms)
{
	char text[CALENDAR_TEXT];

	calendar_format(z, ms, text);
	jsonw_str(to, name, text);
}

void
response_write_frame(struct buf *to, const struct response_choice *c,
    const struct response_span *span, const struct response_sums *s)
{
	jsonw_str(to, "zone", c->zone_name);
	jsonw_str(to, "kind", c->kind);
	write_zoned_time(to, "from", c->zone, span->from);
	write_zoned_time(to, "to", c->zone, span->to);
	if (s->version != CLOCK_NONE)
		jsonw_int(to, "version", s->version);
	else
		jsonw_null(to, "version");
	jsonw_time(to, "as_of", s->as_of);
}
