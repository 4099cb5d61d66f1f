/*
 * response_read: see response_read.h.
 *
 * A month or a day is read as a whole if everyone's row of it is there, else in
 * days or hours: reaper --retention deletes the row of a month that began
 * before what it keeps, and leaves its later days. Quarters are read where
 * everyone's row of their hour says so (sink/rollup/quarters.h).
 */
#include "sink/responses/response_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/access/scope.h"

/* Spans of a statement: what it reads stays small enough for memory. */
#define SPANS_MAX 6000
#define SPANS_MAX_BY_OPERATOR 240
#define RANGES_MAX 200

/* Rows of a statement. */
#define ROWS_MAX 200000

/* Sums that take 16 KB while they are gathered. */
#define GATHERED_MAX 256

/* Days, months and cut hours that a range may have. */
#define KNOWN_MAX 100000

/* Rows of everyone, behind what else is asked in the same statement. */
#define KNOWN_SPANS                                                            \
	" UNION ALL SELECT span, begin_at FROM response_rollups "              \
	"WHERE tenant = ? AND everyone = 1 AND operator = ''"

static const char *const level_names[] = {
	[RESPONSE_MONTHS] = "month",
	[RESPONSE_DAYS] = "day",
	[RESPONSE_HOURS] = "hour",
	[RESPONSE_QUARTERS] = "quarter",
};

/* The begins of the months and days that are there, and of the hours that have
 * quarters, in order. */
struct known_spans {
	int64_t *begins[RESPONSE_INTERVALS]; /* owned */
	size_t n[RESPONSE_INTERVALS], cap[RESPONSE_INTERVALS];
};

static void
keep_newest(int64_t *newest, int64_t n)
{
	if (n > *newest)
		*newest = n;
}

static int
compare_begins(const void *pa, const void *pb)
{
	const int64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static bool
is_known(const void *ctx, enum response_level level, int64_t begin)
{
	const struct known_spans *k = ctx;

	return k->n[level] > 0 && bsearch(&begin, k->begins[level], k->n[level],
				      sizeof begin, compare_begins) != NULL;
}

/* The level of this name; RESPONSE_INTERVALS: none. */
static enum response_level
level_named(const char *name)
{
	enum response_level level = RESPONSE_MONTHS;

	while (
	    level < RESPONSE_INTERVALS && strcmp(level_names[level], name) != 0)
		level++;
	return level;
}

/* After an upgrade that takes time. */
static bool
refuse_due(const struct sums_reader *r)
{
	(void)question_problem(r->q, 503,
	    "responses that were stored before an upgrade are not "
	    "added up yet; sink --migrate does that");
	r->q->answer->retry_after = 60;
	return false;
}

static bool
take_known(
    const struct sums_reader *r, struct known_spans *k, struct db_rows *rows)
{
	enum response_level level;

	while (db_next(rows)) {
		level = level_named(db_get(rows, 0));
		if (level == RESPONSE_INTERVALS)
			return refuse_due(r);
		XGROW(k->begins[level], k->n[level], k->cap[level]);
		k->begins[level][k->n[level]++] = db_get_time(rows, 1);
	}
	for (level = 0; level < RESPONSE_INTERVALS; level++) {
		if (k->n[level] > 0)
			qsort(k->begins[level], k->n[level], sizeof(int64_t),
			    compare_begins);
	}
	return true;
}

static void
release_known(struct known_spans *k)
{
	enum response_level level;

	for (level = 0; level < RESPONSE_INTERVALS; level++)
		free(k->begins[level]);
}

/* Appends the question which of the hours have quarters. The arguments have
 * room. */
static void
add_cut_hours(const struct response_pieces *hours, struct buf *sql,
    struct db_value *args, size_t *n)
{
	const char *comma = "";
	int64_t hour;
	size_t i;

	buf_addf(sql, KNOWN_SPANS " AND span = 'quarter' AND version >= 0 "
				  "AND begin_at IN (");
	for (i = 0; i < hours->n; i++) {
		for (hour = hours->list[i].from; hour < hours->list[i].to;
		     hour += HOUR_MS, comma = ", ") {
			buf_addf(sql, "%s?", comma);
			args[(*n)++] = db_time(hour);
		}
	}
	buf_addc(sql, ')');
}

static size_t
count_hours(const struct response_pieces *p)
{
	int64_t ms = 0;
	size_t i;

	for (i = 0; i < p->n; i++)
		ms += p->list[i].to - p->list[i].from;
	return (size_t)(ms / HOUR_MS);
}

/* Also whether all that is stored is added up. */
static bool
find_known(const struct sums_reader *r, struct known_spans *k)
{
	const struct response_plan *p = r->plan;
	const struct db_value tenant = db_str(r->q->viewer.tenant);
	struct response_pieces hours = { .n = 0 };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 0;
	bool good;

	response_plan_cut_hours(p, &hours);
	args = xcalloc(count_hours(&hours) + 4, sizeof *args);
	buf_adds(&sql, "SELECT 'due' AS span, day AS begin_at FROM rollups_due "
		       "WHERE tenant = ? AND done = 0");
	if (p->to - p->from >= DAY_MS) {
		buf_adds(&sql,
		    KNOWN_SPANS " AND span IN ('month', 'day') "
				"AND begin_at >= ? AND begin_at < ?");
		args[n++] = tenant;
		args[n++] = db_time(p->from);
		args[n++] = db_time(p->to);
	}
	if (hours.n > 0) {
		args[n++] = tenant;
		add_cut_hours(&hours, &sql, args, &n);
	}
	buf_addf(&sql, " LIMIT %d", KNOWN_MAX + 1);
	good = response_ask(r, &sql, args, n, KNOWN_MAX, &rows) &&
	       take_known(r, k, rows);
	db_rows_free(rows);
	buf_release(&sql);
	free(hours.list);
	free(args);
	return good;
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

/* A row of a span: into its slot, or only its version where hours are cut.
 * False: it is damaged, and the answer is a problem. */
static bool
take_span(struct sums_reader *r, enum response_level level,
    const struct db_rows *rows)
{
	int64_t slot = response_plan_slot(r->plan, db_get_time(rows, 0), level);
	struct span_sum *kinds[SPAN_KINDS] = { NULL }, *sum, *to = NULL;
	bool good;
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		span_sum_clear(&r->scratch.kind[i]);
		if ((r->choice->kind_set & 1U << i) != 0)
			kinds[i] = &r->scratch.kind[i];
	}
	good = span_sums_read(db_get(rows, 2), kinds) == 0 ||
	       refuse_damage(r, db_get(rows, 0));
	for (i = 0; i < SPAN_KINDS; i++) {
		sum = &r->scratch.kind[i];
		if (sum->version > 0 || sum->n > 0) {
			keep_newest(&r->to->version, sum->version);
			keep_newest(&r->to->as_of, db_get_time(rows, 3));
		}
		if (!good || slot < 0 || sum->n == 0)
			continue;
		if (to == NULL)
			to = response_sum_of(
			    r->to, slot, r->by_operator ? db_get(rows, 1) : "");
		span_sum_gather(to, sum, &r->room);
	}
	return good;
}

/* All operators together have rows of their own; a team has none. */
static bool
is_everyone(const struct sums_reader *r)
{
	return !r->by_operator && r->choice->operator_id == NULL &&
	       !scope_limits_totals(&r->q->viewer);
}

/* Reads the spans of a level that begin within some ranges. */
static bool
read_spans(struct sums_reader *r, enum response_level level,
    const struct response_range *ranges, size_t n)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[2 * RANGES_MAX + 1];
	size_t i, args_n = 0;
	bool good;

	buf_addf(&sql,
	    "SELECT begin_at, operator, sums, as_of FROM response_rollups "
	    "WHERE tenant = ? AND everyone = %d AND span = '%s'",
	    is_everyone(r), level_names[level]);
	response_add_scope(r, &sql);
	if (r->choice->operator_id != NULL) {
		buf_adds(&sql, " AND operator = ?");
		args[args_n++] = db_str(r->choice->operator_id);
	}
	for (i = 0; i < n; i++) {
		buf_adds(&sql, i == 0 ? " AND (" : " OR ");
		buf_adds(&sql, "(begin_at >= ? AND begin_at < ?)");
		args[args_n++] = db_time(ranges[i].from);
		args[args_n++] = db_time(ranges[i].to);
	}
	buf_addf(&sql, ") LIMIT %d", ROWS_MAX + 1);
	good = response_ask(r, &sql, args, args_n, ROWS_MAX, &rows);
	while (good && db_next(rows))
		good = take_span(r, level, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* A level's pieces, some spans at a time. */
static bool
read_level(struct sums_reader *r, enum response_level level,
    const struct response_pieces *pieces)
{
	static const int64_t lengths[] = { 28 * DAY_MS, DAY_MS, HOUR_MS,
		QUARTER_MS };
	bool is_one = r->choice->operator_id != NULL || is_everyone(r);
	int64_t most =
	    lengths[level] * (is_one ? SPANS_MAX : SPANS_MAX_BY_OPERATOR);
	struct response_range some[RANGES_MAX], rest;
	int64_t room = most;
	size_t i, n = 0;

	for (i = 0; i < pieces->n; i++) {
		for (rest = pieces->list[i]; rest.from < rest.to;
		     rest.from = some[n - 1].to) {
			if (n == RANGES_MAX || room == 0) {
				if (!read_spans(r, level, some, n))
					return false;
				n = 0;
				room = most;
			}
			some[n] = rest;
			if (rest.to - rest.from > room)
				some[n].to = rest.from + room;
			room -= some[n].to - some[n].from;
			n++;
		}
	}
	return n == 0 || read_spans(r, level, some, n);
}

bool
response_read_rollups(
    struct sums_reader *r, struct response_pieces pieces[RESPONSE_LEVELS])
{
	struct known_spans known = { .n = { 0 } };
	bool good = find_known(r, &known);
	enum response_level level;
	size_t i;

	r->room = GATHERED_MAX;
	if (good)
		response_plan_cut(r->plan, is_known, &known, pieces);
	for (level = 0; good && level < RESPONSE_INTERVALS; level++) {
		if (pieces[level].n > 0)
			good = read_level(r, level, &pieces[level]);
	}
	release_known(&known);
	for (i = 0; i < r->to->n; i++)
		span_sum_settle(&r->to->list[i].of);
	span_sums_release(&r->scratch);
	return good;
}
