/*
 * response_read: see response_read.h.
 */
#include "sink/responses/response_read.h"

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

static void
keep_greatest(int64_t *greatest, int64_t n)
{
	if (n > *greatest)
		*greatest = n;
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

/* The slot of a span; -1: none. */
static int64_t
slot_of_span(
    const struct sums_reader *r, int64_t begin, enum response_level level)
{
	int64_t slot = response_plan_slot(r->plan, begin, level);

	return slot < 0 && r->rounded != NULL
		   ? response_whole_slot(r->rounded, begin, level)
		   : slot;
}

static void
add_to_sum(struct sums_reader *r, struct span_sum *sum, struct response_sum *to)
{
	if (r->again && !to->again)
		return;
	if (r->takes_off) {
		keep_greatest(&to->taken_max_ms, sum->max_ms);
		span_sum_negate(sum);
	}
	span_sum_gather(&to->of, sum, &r->room);
}

/* A row of a span: into its slot, or only its version where hours are cut.
 * False: it is damaged or one too many, and the answer is a problem. */
static bool
take_span(struct sums_reader *r, enum response_level level,
    const struct db_rows *rows)
{
	int64_t slot = slot_of_span(r, db_get_time(rows, 0), level);
	struct span_sum *kinds[SPAN_KINDS] = { NULL }, *sum;
	struct response_sum *to = NULL;
	bool good;
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		span_sum_clear(&r->scratch.kind[i]);
		if ((r->filter->kind_set & 1U << i) != 0)
			kinds[i] = &r->scratch.kind[i];
	}
	good = span_sums_read(db_get(rows, 2), kinds) == 0 ||
	       refuse_damage(r, db_get(rows, 0));
	for (i = 0; i < SPAN_KINDS; i++) {
		sum = &r->scratch.kind[i];
		if (sum->version > 0 || sum->n > 0) {
			keep_greatest(&r->to->version, sum->version);
			keep_greatest(&r->to->as_of, db_get_time(rows, 3));
		}
		if (!good || slot < 0 || sum->n == 0)
			continue;
		if (to == NULL)
			to = response_sum_of(
			    r, slot, r->by_operator ? db_get(rows, 1) : "");
		if (to == NULL)
			good = false;
		else
			add_to_sum(r, sum, to);
	}
	return good;
}

/* All operators together have rows of their own; a team has none. */
static bool
is_everyone(const struct sums_reader *r)
{
	return !r->by_operator && r->filter->operator_id == NULL &&
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
	    is_everyone(r), response_level_names[level]);
	response_add_scope(r, &sql);
	if (r->filter->operator_id != NULL) {
		buf_adds(&sql, " AND operator = ?");
		args[args_n++] = db_str(r->filter->operator_id);
	}
	for (i = 0; i < n; i++) {
		buf_adds(&sql, i == 0 ? " AND (" : " OR ");
		buf_adds(&sql, "(begin_at >= ? AND begin_at < ?)");
		args[args_n++] = db_time(ranges[i].from);
		args[args_n++] = db_time(ranges[i].to);
	}
	buf_addc(&sql, ')');
	response_add_again(r, "operator", &sql);
	buf_addf(&sql, " LIMIT %d", ROWS_MAX + 1);
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
	bool is_one = r->filter->operator_id != NULL || is_everyone(r);
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
    struct sums_reader *r, const struct response_pieces pieces[RESPONSE_LEVELS])
{
	enum response_level level;
	bool good = true;

	for (level = 0; good && level < RESPONSE_INTERVALS; level++) {
		if (pieces[level].n > 0)
			good = read_level(r, level, &pieces[level]);
	}
	return good;
}
