/*
 * response_available: what is there to be read; see response_read.h.
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
#include "common/base/xalloc.h"

/* Days, months and cut hours that a range may have. */
#define AVAILABLE_MAX 100000

/* Rows of everyone, behind what else is asked in the same statement. */
#define AVAILABLE_SPANS                                                        \
	" UNION ALL SELECT span, begin_at FROM response_rollups "              \
	"WHERE tenant = ? AND everyone = 1 AND operator = ''"

const char *const response_level_names[] = {
	[RESPONSE_MONTHS] = "month",
	[RESPONSE_DAYS] = "day",
	[RESPONSE_HOURS] = "hour",
	[RESPONSE_QUARTERS] = "quarter",
};

static int
compare_begins(const void *pa, const void *pb)
{
	const int64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

bool
response_is_available(const void *ctx, enum response_level level, int64_t begin)
{
	const struct response_available *k = ctx;

	return k->n[level] > 0 && bsearch(&begin, k->begins[level], k->n[level],
				      sizeof begin, compare_begins) != NULL;
}

enum response_level
response_level_named(const char *name)
{
	enum response_level level = RESPONSE_MONTHS;

	while (level < RESPONSE_INTERVALS &&
	       strcmp(response_level_names[level], name) != 0)
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
take_available(const struct sums_reader *r, struct response_available *k,
    struct db_rows *rows)
{
	enum response_level level;

	while (db_next(rows)) {
		level = response_level_named(db_get(rows, 0));
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

void
response_available_release(struct response_available *k)
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

	buf_addf(sql, AVAILABLE_SPANS " AND span = 'quarter' AND version >= 0 "
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

bool
response_find_available(const struct sums_reader *r,
    const struct response_plan *p, struct response_available *k)
{
	const struct db_value tenant = db_str(r->q->viewer.tenant);
	struct response_pieces hours = { .n = 0 };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 0;
	bool good;

	response_plan_cut_hours(p, &hours);
	args = xcalloc(
	    (size_t)(response_pieces_ms(&hours) / HOUR_MS) + 4, sizeof *args);
	buf_adds(&sql, "SELECT 'due' AS span, day AS begin_at FROM rollups_due "
		       "WHERE tenant = ? AND done = 0");
	if (p->to - p->from >= DAY_MS / 2) {
		buf_adds(&sql,
		    AVAILABLE_SPANS " AND span IN ('month', 'day') "
				    "AND begin_at >= ? AND begin_at < ?");
		args[n++] = tenant;
		args[n++] =
		    db_time(response_span_begin(p->from, RESPONSE_MONTHS));
		args[n++] = db_time(p->to);
	}
	if (hours.n > 0) {
		args[n++] = tenant;
		add_cut_hours(&hours, &sql, args, &n);
	}
	buf_addf(&sql, " LIMIT %d", AVAILABLE_MAX + 1);
	good = response_ask(r, &sql, args, n, AVAILABLE_MAX, &rows) &&
	       take_available(r, k, rows);
	db_rows_free(rows);
	buf_release(&sql);
	free(hours.list);
	free(args);
	return good;
}
