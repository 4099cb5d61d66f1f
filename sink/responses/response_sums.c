/*
 * response_sums: see responses.h. Everything is read as of one moment.
 */
#include "sink/responses/responses.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/json/jsonw.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"
#include "sink/rollup/span.h"

/* The plan. */

/* A range of time, in ms. */
struct response_range {
	int64_t from, to;
};

/* Sorted ranges. */
struct response_ranges {
	struct response_range *list; /* owned */
	size_t n, cap;
};

enum response_level {
	RESPONSE_DAYS,
	RESPONSE_HOURS,
	RESPONSE_INTERVALS,
	RESPONSE_LEVELS
};

/* The existing sums: of all hours and days, except those with an hour on the
 * list of hours that are due. */
struct response_available {
	bool none;    /* there are no sums of what is requested */
	int64_t *due; /* sorted; owned */
	size_t due_n, due_cap;
};

static const int64_t lengths[] = {
	[RESPONSE_DAYS] = DAY_MS,
	[RESPONSE_HOURS] = HOUR_MS,
};

/* Adds nothing unless from is before to. */
static void
response_ranges_add(struct response_ranges *r, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	if (r->n > 0 && r->list[r->n - 1].to == from) {
		r->list[r->n - 1].to = to;
		return;
	}
	XGROW(r->list, r->n, r->cap);
	r->list[r->n++] = (struct response_range){ from, to };
}

void
response_plan_release(struct response_plan *p)
{
	free(p->stretches);
}

void
response_plan_stretch(struct response_plan *p, int64_t begin, int64_t slot)
{
	size_t n = p->stretches_n;

	if (n > 0 && p->stretches[n - 1].slot == slot)
		return;
	XGROW(p->stretches, p->stretches_n, p->stretches_cap);
	p->stretches[p->stretches_n++] =
	    (struct response_stretch){ begin, slot };
}

/* Returns the last stretch that begins at or before that time; the number of
 * stretches if there is none. */
static size_t
find_stretch(const struct response_plan *p, int64_t ms)
{
	size_t low = 0, high = p->stretches_n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (p->stretches[middle].begin <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : p->stretches_n;
}

/* The last stretch has no slot and no end. */
static int64_t
stretch_end(const struct response_plan *p, size_t i)
{
	return i + 1 < p->stretches_n ? p->stretches[i + 1].begin : INT64_MAX;
}

/* Returns the slot that contains a day or hour; -1: none. */
static int64_t
response_plan_slot(
    const struct response_plan *p, int64_t begin, enum response_level level)
{
	size_t i = find_stretch(p, begin);

	return i < p->stretches_n && begin + lengths[level] <= stretch_end(p, i)
		   ? p->stretches[i].slot
		   : -1;
}

static bool
is_due(const struct response_available *k, int64_t from, int64_t to)
{
	size_t low = 0, high = k->due_n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (k->due[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->due_n && k->due[low] < to;
}

/* True if the day or hour that begins at t is inside the stretch and has
 * sums. */
static bool
fits(const struct response_available *k, enum response_level level, int64_t t,
    int64_t to)
{
	int64_t end = t + lengths[level];

	return !k->none && t % lengths[level] == 0 && end <= to &&
	       !is_due(k, t, end);
}

/* Splits the stretches into days and hours with sums, and the rest. */
static void
response_plan_cut(const struct response_plan *p,
    const struct response_available *k, struct response_ranges *ranges)
{
	enum response_level level;
	int64_t t, to, next;
	size_t i;

	for (i = 0; i < p->stretches_n; i++) {
		if (p->stretches[i].slot < 0)
			continue;
		to = stretch_end(p, i);
		for (t = p->stretches[i].begin; t < to; t = next) {
			level = RESPONSE_DAYS;
			while (level < RESPONSE_INTERVALS &&
			       !fits(k, level, t, to))
				level++;
			next = level < RESPONSE_INTERVALS
				   ? t + lengths[level]
				   : clock_floor(t, HOUR_MS) + HOUR_MS;
			next = next < to ? next : to;
			response_ranges_add(&ranges[level], t, next);
		}
	}
}

/* Appends SQL for the slot in which an interval of the ranges ended: stretches
 * with the same slot, such as hours of the week, form one group. */
static void
response_plan_add_slot(const struct response_plan *p,
    const struct response_ranges *ranges, struct buf *sql)
{
	const struct response_range *r;
	const struct response_stretch *s;
	struct buf times = BUF_INIT, slots = BUF_INIT;
	size_t i, at, n = 0;

	for (i = 0; i < ranges->n; i++) {
		r = &ranges->list[i];
		for (at = find_stretch(p, r->from); at < p->stretches_n;
		     at++, n++) {
			s = &p->stretches[at];
			if (s->begin >= r->to)
				break;
			buf_addf(&slots, ", %" PRId64, s->slot);
			buf_addf(&times, ", %" PRId64,
			    s->begin > r->from ? s->begin : r->from);
		}
	}
	if (n == 1) /* the usual case, computed once */
		buf_adds(sql, buf_str(&slots) + strlen(", "));
	else
		buf_addf(sql,
		    "CAST(ELT(INTERVAL(" RESPONSE_SLOT_MS "%s)%s) AS UNSIGNED)",
		    buf_str(&times), buf_str(&slots));
	buf_release(&times);
	buf_release(&slots);
}

/* Figures computed from a sum and its buckets. The width of a bucket is at most
 * 1/32 of its lower end, so its middle differs by at most 1/64 from the values
 * in it. */

int64_t
response_mean(const struct span_sum *s)
{
	int64_t rest;

	if (s->n <= 0)
		return CLOCK_NONE;
	/* Rounds without doubling the sum, which might overflow. */
	rest = s->sum_ms % s->n;
	return s->sum_ms / s->n + (rest >= s->n - rest);
}

/* Like sums, it is limited to the greatest number. */
static int64_t
bucketed(const struct span_sum *s)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s->buckets_n; i++) {
		if (__builtin_add_overflow(n, s->buckets[i].n, &n))
			n = INT64_MAX;
	}
	return n;
}

/* Returns twice the middle of the bucket that contains the element with that
 * rank, from 1. */
static uint64_t
twice_at(const struct span_sum *s, int64_t place)
{
	uint64_t twice, longest = 2 * (uint64_t)s->max_ms;
	uint32_t bucket = 0;
	size_t i;

	for (i = 0; i < s->buckets_n && place > 0; i++) {
		bucket = s->buckets[i].bucket;
		place -= s->buckets[i].n;
	}
	twice = (uint64_t)duration_bucket_low(bucket) +
		(uint64_t)duration_bucket_high(bucket);
	return twice < longest ? twice : longest;
}

/* Adds quarters and remainders, because the sum of both might overflow. */
int64_t
response_median(const struct span_sum *s)
{
	int64_t n = bucketed(s);
	uint64_t a, b;

	if (n == 0)
		return CLOCK_NONE;
	a = twice_at(s, n - n / 2);
	b = twice_at(s, n / 2 + 1);
	return (int64_t)(a / 4 + b / 4 + (a % 4 + b % 4 + 2) / 4);
}

int64_t
response_percentile(const struct span_sum *s, int64_t permille)
{
	int64_t n = bucketed(s), place;

	if (n == 0)
		return CLOCK_NONE;
	place = n / 1000 * permille + (n % 1000 * permille + 999) / 1000;
	return (int64_t)((twice_at(s, place) + 1) / 2);
}

double
response_share_within(const struct span_sum *s, int64_t ms)
{
	uint32_t last = duration_bucket(ms);
	int64_t low = duration_bucket_low(last),
		high = duration_bucket_high(last);
	double n = 0;
	size_t i;

	for (i = 0; i < s->buckets_n && s->buckets[i].bucket <= last; i++) {
		if (s->buckets[i].bucket < last || ms >= high)
			n += (double)s->buckets[i].n;
		else
			n += (double)s->buckets[i].n * (double)(ms - low + 1) /
			     (double)(high - low + 1);
	}
	return n / (double)bucketed(s);
}

/* Reading. */

/* Maximum days and hours in a statement: the result must fit into memory even
 * if each of many operators has some. */
#define SPANS_MAX 6000
#define SPANS_MAX_BY_OPERATOR 240
#define RANGES_MAX 200

/* The maximum number of ranges in a statement: with many, the server takes
 * longer to find their partitions than to read them. */
#define INTERVAL_RANGES_MAX 8

/* Maximum rows in the result of a statement; groups of intervals; hours that
 * are due. */
#define ROWS_MAX 200000
#define BUCKETS_MAX 300000
#define HOURS_MAX 100000

/* Maximum sums held while reading. */
#define SUMS_MAX (2 * RESPONSE_ROWS_MAX)

/* The operator and channel of an interval; '': none. */
#define WHO "COALESCE(operator, '')"
#define CHANNEL "COALESCE(channel, '')"

struct sums_reader {
	struct question *q;
	const struct response_filter *filter;
	const struct response_plan *plan;
	bool by_operator, by_channel;
	bool operators;  /* grouped by operator, or for a single one */
	bool channels;   /* the same of channels */
	bool scoped;     /* the viewer may only see some operators */
	bool judged;     /* hours and targets are counted, too */
	unsigned wanted; /* the places of sums that are read (span_place()) */
	struct response_sums *to;
	int64_t end_ms; /* no further statement after this, monotonic */
};

/* Appends the condition for the operators whom the viewer may see. */
static void
add_scope(const struct sums_reader *r, const char *column, struct buf *sql)
{
	if (!r->scoped)
		return;
	if (r->operators)
		scope_add_rows(&r->q->viewer, column, sql);
	else
		scope_add_totals(&r->q->viewer, column, sql);
}

/* Runs the query with the arguments after the tenant; there may be at most
 * `most` rows. */
static bool
ask(const struct sums_reader *r, const struct buf *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
{
	if (clock_mono_ms() >= r->end_ms)
		return question_late(r->q);
	if (!question_ask(r->q, buf_str(sql), args, n, rows))
		return false;
	if (db_rows_count(*rows) <= most)
		return true;
	return question_problem(r->q, 400,
	    "too many periods and operators; use a longer period (by), one "
	    "operator or a shorter range");
}

/* Sums being built. */

bool
response_refuse_rows(struct question *q)
{
	return question_problem(q, 400,
	    "more than %d rows; use a longer period (by), one operator or a "
	    "shorter range",
	    RESPONSE_ROWS_MAX);
}

/* Returns a copy of the name that is valid as long as the sums. */
static const char *
keep_name(struct response_sums *s, const char *name)
{
	void **kept = strmap_put(&s->names, name, strlen(name));

	if (*kept == NULL)
		*kept = xstrdup(name);
	return *kept;
}

/* Returns the sum for a slot and a name, created if missing; borrowed until the
 * next one is created. Returns NULL if there are too many; the answer is then a
 * problem. */
static struct response_sum *
sum_of(struct sums_reader *r, int64_t slot, const char *name)
{
	struct response_sums *s = r->to;
	struct buf key = BUF_INIT;
	uintptr_t i;
	void **place;

	buf_add(&key, &slot, sizeof slot);
	buf_adds(&key, name);
	place = strmap_put(&s->places, key.data, key.len);
	buf_release(&key);
	i = (uintptr_t)*place;
	if (i == 0 && s->n == SUMS_MAX) {
		(void)response_refuse_rows(r->q);
		return NULL;
	}
	if (i == 0) {
		XGROW(s->list, s->n, s->cap);
		s->list[s->n++] = (struct response_sum){ .slot = (uint32_t)slot,
			.name = keep_name(s, name) };
		i = s->n;
		*place = (void *)i; /* NOLINT(performance-no-int-to-ptr) */
	}
	return &s->list[i - 1];
}

static void
note_time(struct response_sums *s, int64_t as_of)
{
	if (as_of > s->as_of)
		s->as_of = as_of;
}

/* Which sums exist. */

/* Finds the hours that are due. Channels only have sums for all operators
 * together. */
static bool
find_sums(const struct sums_reader *r, struct response_available *k)
{
	const struct response_stretch *first = r->plan->stretches;
	const struct response_stretch *last = first + r->plan->stretches_n - 1;
	const struct db_value args[] = {
		db_time(clock_floor(first->begin, DAY_MS)), db_time(last->begin)
	};
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	bool good;

	k->none = r->filter->kind->set == 0 ||
		  (r->channels && (r->operators || r->scoped));
	if (k->none)
		return true;
	buf_addf(&sql,
	    "SELECT `hour` FROM sums_due WHERE tenant = ? AND `hour` >= ? "
	    "AND `hour` < ? ORDER BY `hour` LIMIT %d",
	    HOURS_MAX + 1);
	good = ask(r, &sql, args, ARRAY_LEN(args), HOURS_MAX, &rows);
	while (good && db_next(rows)) {
		XGROW(k->due, k->due_n, k->due_cap);
		k->due[k->due_n++] = db_get_time(rows, 0);
	}
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* Days and hours. */

/* All operators together have their own rows; a team has none. */
static const char *
whose_spans(const struct sums_reader *r)
{
	if (r->channels)
		return SPAN_OF_CHANNEL;
	return r->operators || r->scoped ? SPAN_OF_OPERATOR : SPAN_OF_TENANT;
}

/* Returns the only operator or channel whose rows are read; NULL: all. */
static const char *
chosen_id(const struct sums_reader *r)
{
	return r->channels ? r->filter->channel : r->filter->operator_id;
}

static bool
refuse_damage(const struct sums_reader *r, const char *begin)
{
	log_error("response_rollups has a damaged row at %s; run "
		  "`sink --recompute`",
	    begin);
	return question_problem(r->q, 503,
	    "the sums of responses are damaged at %s; run sink --recompute",
	    begin);
}

/* Returns the places of the request's kinds that are read. */
static unsigned
wanted_places(const struct response_filter *c, bool judged)
{
	const bool measures[SPAN_MEASURES] = {
		[SPAN_CALENDAR] =
		    true, /* also counts those without work time */
		[SPAN_WORK] = c->work,
		[SPAN_KEPT] = judged,
		[SPAN_MISSED] = judged,
		[SPAN_CLOSED] = judged,
	};
	unsigned wanted = 0;
	size_t i;

	for (i = 0; i < SPAN_MEASURES; i++)
		if (measures[i])
			wanted |= c->kind->set << i * SPAN_KINDS;
	return wanted;
}

/* Adds a kind of a text; returns -1 if it is damaged. */
static int
add_measure(const struct sums_reader *r, const struct span_text *t,
    struct response_sum *to)
{
	struct response_judged *j = &to->judged;

	switch ((enum span_measure)(t->place / SPAN_KINDS)) {
	case SPAN_CALENDAR:
		if (!r->filter->work)
			return span_text_add(t, &to->of);
		j->no_work_time += t->n;
		break;
	case SPAN_WORK:
		j->no_work_time -= t->n;
		return span_text_add(t, &to->of);
	case SPAN_KEPT:
		j->kept += t->n;
		break;
	case SPAN_MISSED:
		j->missed += t->n;
		break;
	case SPAN_CLOSED:
		j->closed += t->n;
		break;
	case SPAN_MEASURES:
		break;
	}
	return 0;
}

/* Reads a row: begin, id, sums, as_of, span. Returns false if it is damaged or
 * one too many; the answer is then a problem. */
static bool
take_span(struct sums_reader *r, const struct db_rows *rows)
{
	int64_t slot = response_plan_slot(r->plan, db_get_time(rows, 0),
	    strcmp(db_get(rows, 4), SPAN_DAY) == 0 ? RESPONSE_DAYS
						   : RESPONSE_HOURS);
	struct span_text t = { .rest = db_get(rows, 2), .wanted = r->wanted };
	bool named = r->by_operator || r->by_channel;
	struct response_sum *to = NULL;
	int rc;

	while ((rc = span_text_next(&t)) == 1) {
		note_time(r->to, db_get_time(rows, 3));
		if (slot < 0 || t.n == 0)
			continue;
		if (to == NULL)
			to = sum_of(r, slot, named ? db_get(rows, 1) : "");
		if (to == NULL)
			return false;
		rc = add_measure(r, &t, to);
		if (rc != 0)
			break;
	}
	return rc == 0 || refuse_damage(r, db_get(rows, 0));
}

/* Spans that begin in [from, to). */
struct span_range {
	enum response_level level;
	int64_t from, to;
};

/* What one statement reads. */
struct span_batch {
	struct span_range list[RANGES_MAX];
	size_t n;
	int64_t room; /* how many more spans fit */
};

/* Names the index, because comparing two takes the server longer than reading.
 * If some operators among many are selected, it must compare, because the index
 * by time would read the rows of all operators. */
static const char *
choose_index(const struct sums_reader *r)
{
	if (chosen_id(r) != NULL)
		return " FORCE INDEX (by_id)";
	return r->scoped ? "" : " FORCE INDEX (PRIMARY)";
}

static void
empty_batch(const struct sums_reader *r, struct span_batch *b)
{
	b->n = 0;
	b->room =
	    chosen_id(r) != NULL || strcmp(whose_spans(r), SPAN_OF_TENANT) == 0
		? SPANS_MAX
		: SPANS_MAX_BY_OPERATOR;
}

/* Reads the batch and empties it. */
static bool
read_batch(struct sums_reader *r, struct span_batch *b)
{
	const char *whose = whose_spans(r), *id = chosen_id(r);
	struct db_value args[2 * RANGES_MAX + 1];
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	size_t i, n = 0;
	bool good;

	if (b->n == 0)
		return true;
	buf_addf(&sql,
	    "SELECT begin_at, id, sums, as_of, span FROM response_rollups%s "
	    "WHERE tenant = ? AND subject = '%s'",
	    choose_index(r), whose);
	add_scope(r, "id", &sql);
	if (id != NULL) {
		buf_adds(&sql, " AND id = ?");
		args[n++] = db_str(id);
	}
	for (i = 0; i < b->n; i++) {
		buf_addf(&sql,
		    "%s(span = '%s' AND begin_at >= ? AND begin_at < ?)",
		    i == 0 ? " AND (" : " OR ",
		    b->list[i].level == RESPONSE_DAYS ? SPAN_DAY : SPAN_HOUR);
		args[n++] = db_time(b->list[i].from);
		args[n++] = db_time(b->list[i].to);
	}
	buf_addf(&sql, ") LIMIT %d", ROWS_MAX + 1);
	good = ask(r, &sql, args, n, ROWS_MAX, &rows);
	while (good && db_next(rows))
		good = take_span(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	empty_batch(r, b);
	return good;
}

/* Adds a level's ranges to the batch, and reads it whenever it is full. */
static bool
read_level(struct sums_reader *r, enum response_level level,
    const struct response_ranges *ranges, struct span_batch *b)
{
	int64_t length = lengths[level], from, to;
	size_t i;

	for (i = 0; i < ranges->n; i++) {
		for (from = ranges->list[i].from; from < ranges->list[i].to;
		     from = to) {
			if ((b->n == RANGES_MAX || b->room == 0) &&
			    !read_batch(r, b))
				return false;
			to = ranges->list[i].to;
			if ((to - from) / length > b->room)
				to = from + b->room * length;
			b->list[b->n++] =
			    (struct span_range){ level, from, to };
			b->room -= (to - from) / length;
		}
	}
	return true;
}

/* Intervals. */

/* A target that was missed because the chat was closed. */
#define MISSED_BY_CLOSING "kind = 'unanswered' AND kept = 0"

/* Appends the name of a group. */
static void
add_name(const struct sums_reader *r, struct buf *sql)
{
	buf_addf(sql, "%s AS name, ",
	    r->by_channel    ? CHANNEL
	    : r->by_operator ? WHO
			     : "''");
}

/* Appends the conditions for the viewer's and the request's operators and
 * channels. */
static void
add_choices(const struct sums_reader *r, struct buf *sql, struct db_value *args,
    size_t *n)
{
	add_scope(r, "operator", sql);
	if (r->filter->operator_id != NULL) {
		buf_adds(sql, " AND " WHO " = ?");
		args[(*n)++] = db_str(r->filter->operator_id);
	}
	if (r->filter->channel != NULL) {
		buf_adds(sql, " AND " CHANNEL " = ?");
		args[(*n)++] = db_str(r->filter->channel);
	}
}

/* Appends the condition on the end of intervals, " AND (...)", and on the
 * request. args has space; *n of them are used. */
static void
add_intervals(const struct sums_reader *r, const struct response_ranges *ranges,
    struct buf *sql, struct db_value *args, size_t *n)
{
	size_t i;

	buf_adds(sql, " FROM intervals WHERE tenant = ?");
	for (i = 0; i < ranges->n; i++) {
		buf_addf(sql, "%s(end_at >= ? AND end_at < ?)",
		    i == 0 ? " AND (" : " OR ");
		args[(*n)++] = db_time(ranges->list[i].from);
		args[(*n)++] = db_time(ranges->list[i].to);
	}
	buf_addf(sql, ") AND (kind IN (%s)", r->filter->kind->sql);
	if (r->judged && r->filter->kind->waits)
		buf_addf(sql, " OR (" MISSED_BY_CLOSING " AND awaited IN (%s))",
		    r->filter->kind->sql);
	buf_adds(sql, ") AND " INTERVAL_COUNTS);
	add_choices(r, sql, args, n);
}

/* Appends the columns of a group after its slot and name. */
static void
add_group_columns(const struct sums_reader *r, struct buf *sql)
{
	const char *kinds = r->filter->kind->sql;
	const char *length = r->filter->work ? "work_ms" : "ms";

	if (!r->judged) {
		buf_adds(sql,
		    DURATION_BUCKET_SQL("ms") " AS bucket, COUNT(*), SUM(ms), "
					      "MAX(ms), MAX(as_of)");
		return;
	}
	buf_addf(sql, "IF(kind IN (%s), %s, NULL) AS bucket, ", kinds,
	    r->filter->work ? DURATION_BUCKET_SQL("work_ms")
			    : DURATION_BUCKET_SQL("ms"));
	buf_addf(sql,
	    "COUNT(IF(kind IN (%s), %s, NULL)), "
	    "COALESCE(SUM(IF(kind IN (%s), %s, NULL)), 0), "
	    "COALESCE(MAX(IF(kind IN (%s), %s, NULL)), 0), MAX(as_of), ",
	    kinds, length, kinds, length, kinds, length);
	buf_addf(sql,
	    "COUNT(NULLIF(kept, 0)), COUNT(NULLIF(kept, 1)), "
	    "COUNT(CASE WHEN " INTERVAL_CLOSED " THEN 1 END), "
	    "COUNT(CASE WHEN kind IN (%s) AND work_ms IS NULL THEN 1 END)",
	    kinds);
}

static void
take_judged(const struct sums_reader *r, const struct db_rows *rows,
    struct response_judged *to)
{
	to->kept += db_get_int(rows, 7);
	to->missed += db_get_int(rows, 8);
	to->closed += db_get_int(rows, 9);
	if (r->filter->work)
		to->no_work_time += db_get_int(rows, 10);
}

/* Reads a group: slot, name, and the columns of add_group_columns(): bucket,
 * number, sum, maximum, time, and what is judged. */
static bool
take_intervals(struct sums_reader *r, const struct db_rows *rows)
{
	int64_t bucket = db_get_int(rows, 2);
	struct response_sum *to;

	note_time(r->to, db_get_time(rows, 6));
	to = sum_of(r, db_get_int(rows, 0), db_get(rows, 1));
	if (to == NULL)
		return false;
	span_sum_add(&to->of, db_get_int(rows, 3), db_get_int(rows, 4),
	    db_get_int(rows, 5));
	if (r->judged)
		take_judged(r, rows, &to->judged);
	/* Rows from other programs may have a negative time. */
	if (bucket >= 0 && bucket < DURATION_BUCKETS)
		span_sum_add_bucket(
		    &to->of, (uint32_t)bucket, db_get_int(rows, 3));
	return true;
}

static bool
read_some_intervals(struct sums_reader *r, const struct response_ranges *ranges)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 0;
	bool good;

	args = xcalloc(2 * ranges->n + 2, sizeof *args);
	buf_adds(&sql, "SELECT ");
	response_plan_add_slot(r->plan, ranges, &sql);
	buf_adds(&sql, " AS slot, ");
	add_name(r, &sql);
	add_group_columns(r, &sql);
	add_intervals(r, ranges, &sql, args, &n);
	buf_addf(
	    &sql, " GROUP BY slot, name, bucket LIMIT %d", BUCKETS_MAX + 1);
	good = ask(r, &sql, args, n, BUCKETS_MAX, &rows);
	while (good && db_next(rows))
		good = take_intervals(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	free(args);
	return good;
}

/* Reads a few of the ranges at a time. */
static bool
read_intervals(struct sums_reader *r, const struct response_ranges *ranges)
{
	struct response_ranges some;
	size_t i;

	for (i = 0; i < ranges->n; i += some.n) {
		some = (struct response_ranges){ .list = &ranges->list[i],
			.n = ranges->n - i };
		if (some.n > INTERVAL_RANGES_MAX)
			some.n = INTERVAL_RANGES_MAX;
		if (!read_some_intervals(r, &some))
			return false;
	}
	return true;
}

static bool
read_available(struct sums_reader *r, const struct response_available *k)
{
	struct response_ranges ranges[RESPONSE_LEVELS] = { { .n = 0 } };
	struct span_batch b;
	enum response_level level;
	bool good;

	empty_batch(r, &b);
	response_plan_cut(r->plan, k, ranges);
	good = read_level(r, RESPONSE_DAYS, &ranges[RESPONSE_DAYS], &b) &&
	       read_level(r, RESPONSE_HOURS, &ranges[RESPONSE_HOURS], &b) &&
	       read_batch(r, &b) &&
	       read_intervals(r, &ranges[RESPONSE_INTERVALS]);
	for (level = 0; level < RESPONSE_LEVELS; level++)
		free(ranges[level].list);
	return good;
}

/* Waiting customers. */

/* Returns the slot that includes the present; -1: none. */
static int64_t
slot_of_now(const struct response_plan *p, int64_t now)
{
	size_t i = find_stretch(p, now);

	return i < p->stretches_n ? p->stretches[i].slot : -1;
}

/* Counts the customers who have waited beyond the target, in the slot that
 * includes the present. */
static bool
read_late(struct sums_reader *r)
{
	struct db_value args[3] = { db_time(r->q->request->now_ms) };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct response_sum *to;
	size_t n = 1;
	bool good;

	if (!r->judged || !r->filter->kind->waits || r->to->now < 0)
		return true;
	buf_adds(&sql, "SELECT ");
	add_name(r, &sql);
	buf_addf(&sql,
	    "COUNT(*) FROM chat_metrics WHERE tenant = ? "
	    "AND " CHAT_IS_LATE("?") " AND next_kind IN (%s)",
	    r->filter->kind->sql);
	add_choices(r, &sql, args, &n);
	buf_adds(&sql, " GROUP BY name");
	good = ask(r, &sql, args, n, ROWS_MAX, &rows);
	while (good && db_next(rows) && db_get_int(rows, 1) > 0) {
		to = sum_of(r, r->to->now, db_get(rows, 0));
		good = to != NULL;
		if (good)
			to->judged.late += db_get_int(rows, 1);
	}
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* The answer. */

static void
merge_judged(struct response_judged *to, const struct response_judged *from)
{
	to->kept += from->kept;
	to->missed += from->missed;
	to->late += from->late;
	to->closed += from->closed;
	to->no_work_time += from->no_work_time;
}

/* Adds the sum to each team of its operator. */
static bool
add_to_teams(struct sums_reader *r, const struct response_sum *of_operator)
{
	const struct team_member *m;
	struct response_sum *to;
	size_t at = 0;
	char *team;

	while ((m = scope_next_team(&r->q->viewer, of_operator->name, &at)) !=
	       NULL) {
		team = xstrndup(m->team, m->team_len);
		to = sum_of(r, of_operator->slot, team);
		free(team);
		if (to == NULL)
			return false;
		span_sum_merge(&to->of, &of_operator->of);
		merge_judged(&to->judged, &of_operator->judged);
	}
	return true;
}

/* Turns the sums of operators into those of their teams. */
static bool
add_up_teams(struct sums_reader *r)
{
	struct response_sums *s = r->to;
	struct response_sum *operators = s->list;
	size_t i, n = s->n;
	bool good = true;

	s->list = NULL;
	s->n = s->cap = 0;
	strmap_release(&s->places, NULL);
	for (i = 0; i < n; i++) {
		good = good && add_to_teams(r, &operators[i]);
		span_sum_release(&operators[i].of);
	}
	free(operators);
	return good;
}

static int
compare_sums(const void *pa, const void *pb)
{
	const struct response_sum *a = pa, *b = pb;

	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return a->name == b->name ? 0 : strcmp(a->name, b->name);
}

bool
response_sums_unknown(const struct response_sums *s)
{
	return s->not_kept.n > 0;
}

bool
response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s)
{
	bool by_operator = group == GROUP_OPERATOR || group == GROUP_TEAM;
	struct sums_reader r = { .q = q,
		.filter = c,
		.plan = p,
		.by_operator = by_operator,
		.by_channel = group == GROUP_CHANNEL,
		.operators = by_operator || c->operator_id != NULL,
		.channels = group == GROUP_CHANNEL || c->channel != NULL,
		.judged = response_is_judged(c),
		.to = s,
		.end_ms = clock_mono_ms() + q->timeout_ms };
	struct response_available available = { .due = NULL };
	bool alone = !q->begun, good;

	r.scoped =
	    !c->of_tenant && (r.operators ? scope_limits_rows(&q->viewer)
					  : scope_limits_totals(&q->viewer));
	r.wanted = wanted_places(c, r.judged);
	*s = (struct response_sums){ .as_of = CLOCK_NONE,
		.now = slot_of_now(p, q->request->now_ms) };
	good = (alone ? question_begin(q) : true) &&
	       find_sums(&r, &available) && read_available(&r, &available) &&
	       read_late(&r);
	if (alone)
		question_end(q);
	free(available.due);
	if (good && group == GROUP_TEAM)
		good = add_up_teams(&r);
	sort_array(s->list, s->n, sizeof *s->list, compare_sums);
	/* If there are no rows at all, the metric may not be stored. */
	return good &&
	       kept_find_if_empty(q, s->n == 0, "intervals", &s->not_kept);
}

bool
response_sums_of_periods(struct question *q, const struct response_span *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s)
{
	struct response_plan plan = { .stretches = NULL };
	size_t i;
	bool good;

	for (i = 0; i < p->n; i++)
		response_plan_stretch(&plan, p->begins[i], (int64_t)i);
	response_plan_stretch(&plan, p->to, -1);
	good = response_sums_read(q, &plan, c, group, s);
	response_plan_release(&plan);
	return good;
}

void
response_sums_release(struct response_sums *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		span_sum_release(&s->list[i].of);
	free(s->list);
	strmap_release(&s->places, NULL);
	strmap_release(&s->names, free);
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
response_write_range(struct buf *to, const struct response_filter *c,
    const struct response_span *span)
{
	write_zoned_time(to, "from", c->zone, span->from);
	write_zoned_time(to, "to", c->zone, span->to);
}

void
response_write_frame(struct buf *to, const struct response_filter *c,
    const struct response_span *span, int64_t as_of,
    const struct completeness *complete, const struct kept_lacking *not_kept)
{
	jsonw_str(to, "zone", c->zone_name);
	jsonw_str(to, "kind", c->kind->name);
	response_clock_write(c, to);
	response_write_range(to, c, span);
	jsonw_time(to, "as_of", as_of);
	completeness_write(complete, to);
	kept_write_lacking(not_kept, to);
}
