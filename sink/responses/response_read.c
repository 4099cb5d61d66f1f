/*
 * response_read: see response_read.h.
 *
 * A month or a day is read as a whole if everyone's row of it is there, else in
 * days or hours: reaper --retention deletes the row of a month that began
 * before what it keeps, and leaves its later days.
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

/* Days and months that a range may have. */
#define KNOWN_MAX 100000

static const char *const level_names[] = {
	[RESPONSE_MONTHS] = "month",
	[RESPONSE_DAYS] = "day",
	[RESPONSE_HOURS] = "hour",
};

/* The begins of the months and days that are there, in order. */
struct known_spans {
	int64_t *begins[RESPONSE_HOURS]; /* owned */
	size_t n[RESPONSE_HOURS], cap[RESPONSE_HOURS];
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
is_known(const void *ctx, size_t level, int64_t begin)
{
	const struct known_spans *k = ctx;

	return k->n[level] > 0 && bsearch(&begin, k->begins[level], k->n[level],
				      sizeof begin, compare_begins) != NULL;
}

static void
take_known(struct known_spans *k, struct db_rows *rows)
{
	size_t level;

	while (db_next(rows)) {
		level = strcmp(db_get(rows, 0), "day") == 0 ? RESPONSE_DAYS
							    : RESPONSE_MONTHS;
		XGROW(k->begins[level], k->n[level], k->cap[level]);
		k->begins[level][k->n[level]++] = db_get_time(rows, 1);
	}
	for (level = 0; level < RESPONSE_HOURS; level++) {
		if (k->n[level] > 0)
			qsort(k->begins[level], k->n[level], sizeof(int64_t),
			    compare_begins);
	}
}

static void
release_known(struct known_spans *k)
{
	size_t level;

	for (level = 0; level < RESPONSE_HOURS; level++)
		free(k->begins[level]);
}

/* Whether all that is stored is added up: after an upgrade that takes time. */
static bool
is_added_up(const struct sums_reader *r)
{
	struct db_rows *rows = NULL;
	bool good = question_ask(r->q,
	    "SELECT 1 FROM rollups_due WHERE tenant = ? AND done = 0 LIMIT 1",
	    NULL, 0, &rows);

	if (good && db_rows_count(rows) > 0) {
		good = question_problem(r->q, 503,
		    "responses that were stored before an upgrade are not "
		    "added up yet; sink --migrate does that");
		r->q->answer->retry_after = 60;
	}
	db_rows_free(rows);
	return good;
}

static bool
find_known(const struct sums_reader *r, struct known_spans *k)
{
	const struct response_plan *p = r->plan;
	const struct db_value args[] = { db_time(p->from), db_time(p->to) };
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;
	bool good = true;

	if (p->to - p->from < DAY_MS)
		return true;
	buf_addf(&sql,
	    "SELECT span, begin_at FROM response_rollups WHERE tenant = ? "
	    "AND everyone = 1 AND span IN ('month', 'day') AND operator = '' "
	    "AND begin_at >= ? AND begin_at < ? LIMIT %d",
	    KNOWN_MAX + 1);
	good = response_ask(r, &sql, args, ARRAY_LEN(args), KNOWN_MAX, &rows);
	if (good)
		take_known(k, rows);
	db_rows_free(rows);
	buf_release(&sql);
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
take_span(struct sums_reader *r, const struct db_rows *rows)
{
	int64_t slot = response_plan_slot(r->plan, db_get_time(rows, 0));
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
read_spans(struct sums_reader *r, size_t level,
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
		good = take_span(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* A level's pieces, some spans at a time. */
static bool
read_level(
    struct sums_reader *r, size_t level, const struct response_pieces *pieces)
{
	static const int64_t lengths[] = { 28 * DAY_MS, DAY_MS, HOUR_MS };
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
response_read_rollups(struct sums_reader *r)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	struct known_spans known = { .n = { 0 } };
	bool good = is_added_up(r) && find_known(r, &known);
	size_t level, i;

	r->room = GATHERED_MAX;
	if (good)
		response_plan_cut(r->plan, is_known, &known, pieces);
	for (level = 0; level < RESPONSE_LEVELS; level++) {
		if (good && pieces[level].n > 0)
			good = read_level(r, level, &pieces[level]);
		free(pieces[level].list);
	}
	release_known(&known);
	for (i = 0; i < r->to->n; i++)
		span_sum_settle(&r->to->list[i].of);
	span_sums_release(&r->scratch);
	return good;
}
