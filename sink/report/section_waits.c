/*
 * section_waits: who waited longest, and the waits that a transfer cut.
 *
 * The longest waits of a month are mostly found without reading all its
 * intervals: each is in one of the hours with the longest maxima, of which more
 * than one may be as long as the last. But an hour keeps the maxima of closed
 * chats whose intervals were deleted (on_close = all), and may lack what only
 * intervals has: then all of them are read, which are few where closed chats
 * are deleted. So is time before the first hour and behind the last one:
 * anyone who keeps intervals longer has no hours of it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/tables/intervals.h"
#include "sink/report/section.h"
#include "sink/rollup/span_text.h"

#define WAITS 10
#define WAITS_TEXT "10"
#define OPERATORS 100
#define OPERATORS_TEXT "100"

/* Whole waits; the parts that a transfer cuts are of the kind waiting. */
#define WAITED "('first_response', 'reply', 'unanswered')"

static const struct figure_column wait_columns[] = {
	{ "ended", "Ended", FIGURE_TEXT },
	{ "seconds", "Waited", FIGURE_SECONDS },
	{ "chat", "Chat", FIGURE_TEXT },
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "kind", "Ended by", FIGURE_TEXT },
};

static const struct figure_column transfer_columns[] = {
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "parts", "Parts of waits", FIGURE_COUNT },
	{ "sum_seconds", "All together", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
};

/* Hours that are read at most. */
#define HOURS_MAX 100

/* Sums of so long are in memory at a time. */
#define READ_MS (90 * DAY_MS)

/* Ranges of time that intervals are read from. */
struct wait_ranges {
	struct buf sql;
	struct db_value args[2 * (HOURS_MAX + 4)];
	size_t n;
	int64_t least_ms; /* elsewhere waits are shorter */
};

static void
add_wait_range(struct wait_ranges *w, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	buf_adds(&w->sql, w->n > 0 ? " OR " : "");
	buf_adds(&w->sql, "(end_at >= ? AND end_at < ?)");
	w->args[w->n++] = db_time(from);
	w->args[w->n++] = db_time(to);
}

/* What of the span is before the first hour that there is, or behind the last
 * one; all of it, if there is none. */
static bool
add_without_hours(struct report_work *r, struct wait_ranges *w)
{
	struct db_rows *rows = NULL;
	int64_t first = r->to, end = r->to;

	if (!report_query(r,
		"SELECT MIN(begin_at), MAX(begin_at) FROM response_rollups "
		"WHERE tenant = ? AND subject = 'tenant' "
		"AND span = 'hour'",
		NULL, 0, &rows))
		return false;
	if (db_next(rows) && db_get(rows, 0) != NULL) {
		first = db_get_time(rows, 0);
		end = db_get_time(rows, 1) + HOUR_MS;
	}
	db_rows_free(rows);
	add_wait_range(w, r->from, first < r->to ? first : r->to);
	add_wait_range(w, end > r->from ? end : r->from, r->to);
	return true;
}

/* An hour and its longest wait. */
struct wait_hour {
	int64_t begin, max_ms;
};

struct wait_hours {
	struct wait_hour *list; /* owned */
	size_t n, cap;
};

/* The longest first. */
static int
compare_hours(const void *pa, const void *pb)
{
	const struct wait_hour *a = pa, *b = pb;

	if (a->max_ms != b->max_ms)
		return a->max_ms < b->max_ms ? 1 : -1;
	return (a->begin > b->begin) - (a->begin < b->begin);
}

/* Longer than any: what a damaged row tells nobody knows, and its hour is read.
 */
#define UNKNOWN_MS (INT64_MAX - 1)

/* The longest whole wait that the sums of a row tell of; 0: none. */
static int64_t
longest_wait(const char *sums)
{
	struct span_text t = { .rest = sums };
	int64_t max_ms = 0;
	int rc;

	while ((rc = span_text_next(&t)) == 1) {
		if (t.kind != SPAN_RESOLUTION && t.n > 0 && t.max_ms > max_ms)
			max_ms = t.max_ms;
	}
	return rc == 0 ? max_ms : UNKNOWN_MS;
}

/* Adds the hours of a time that have waits to the list. */
static bool
read_hours(
    struct report_work *r, int64_t from, int64_t to, struct wait_hours *hours)
{
	const struct db_value args[] = { db_time(from), db_time(to) };
	struct db_rows *rows = NULL;
	struct wait_hour h;

	if (!report_query(r,
		"SELECT begin_at, sums FROM response_rollups WHERE tenant = ? "
		"AND subject = 'tenant' AND span = 'hour' "
		"AND begin_at >= ? AND begin_at < ?",
		args, 2, &rows))
		return false;
	while (db_next(rows)) {
		h = (struct wait_hour){ db_get_time(rows, 0),
			longest_wait(db_get(rows, 1)) };
		if (h.max_ms == 0)
			continue;
		XGROW(hours->list, hours->n, hours->cap);
		hours->list[hours->n++] = h;
	}
	db_rows_free(rows);
	return true;
}

/* The hours of the ten longest maxima, and others with the last of these. */
static void
add_longest_hours(const struct wait_hours *hours, struct wait_ranges *w)
{
	const struct wait_hour *h = hours->list;
	size_t i, n = hours->n;

	if (n > 0)
		qsort(hours->list, n, sizeof *h, compare_hours);
	/* Hours without any have waits of 0 only. */
	w->least_ms = n < WAITS ? 1 : h[WAITS - 1].max_ms;
	for (i = 0; i < n && i < HOURS_MAX && h[i].max_ms >= w->least_ms; i++)
		add_wait_range(w, h[i].begin, h[i].begin + HOUR_MS);
	if (i < n && h[i].max_ms == w->least_ms)
		w->least_ms++;
}

/* Hours that the span cuts, as in zones at :30, and the hours with the longest
 * maxima among the others. */
static bool
find_ranges(struct report_work *r, struct wait_ranges *w)
{
	int64_t first = clock_ceil(r->from, HOUR_MS);
	int64_t last = clock_floor(r->to, HOUR_MS), t, to;
	struct wait_hours hours = { .n = 0 };
	bool good = true;

	for (t = first; good && t < last; t = to) {
		to = last - t > READ_MS ? t + READ_MS : last;
		good = read_hours(r, t, to, &hours);
	}
	add_wait_range(w, r->from, first);
	add_wait_range(w, last, r->to);
	add_longest_hours(&hours, w);
	free(hours.list);
	return good && add_without_hours(r, w);
}

static const char *
kind_for_people(const char *kind)
{
	if (strcmp(kind, "first_response") == 0)
		return "first response";
	return strcmp(kind, "unanswered") == 0 ? "closing, unanswered" : kind;
}

static void
add_wait_row(
    struct report_work *r, struct figure_table *t, const struct db_rows *rows)
{
	report_add_time(r, t, db_get_time(rows, 0));
	figure_add_seconds(t, db_get_int(rows, 1));
	figure_add(t, db_get(rows, 2));
	figure_add(t, db_get(rows, 3));
	figure_add(t, report_operator(r, db_get(rows, 3)));
	figure_add(t, kind_for_people(db_get(rows, 4)));
}

/* The longest first, but none that is shorter than that. */
static bool
ask_waits(
    struct report_work *r, const struct wait_ranges *w, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql,
	    "SELECT end_at, ms, chat, operator, kind FROM intervals "
	    "WHERE tenant = ? AND (%s) AND kind IN " WAITED
	    " AND " INTERVAL_COUNTS " AND ms >= %" PRId64
	    " ORDER BY ms DESC, end_at, chat LIMIT " WAITS_TEXT,
	    buf_str(&w->sql), w->least_ms);
	good = report_query(r, buf_str(&sql), w->args, w->n, rows);
	buf_release(&sql);
	return good;
}

static bool
fill_waits(struct report_work *r, struct figure_table *t)
{
	struct wait_ranges likely = { .n = 0 }, all = { .n = 0 };
	struct db_rows *rows = NULL;
	bool good = find_ranges(r, &likely) &&
		    (likely.n == 0 || ask_waits(r, &likely, &rows));

	/* Fewer: the next one can be in an hour that was not read. */
	if (good && (rows == NULL || db_rows_count(rows) < WAITS)) {
		db_rows_free(rows);
		rows = NULL;
		add_wait_range(&all, r->from, r->to);
		good = ask_waits(r, &all, &rows);
	}
	while (good && db_next(rows))
		add_wait_row(r, t, rows);
	db_rows_free(rows);
	buf_release(&likely.sql);
	buf_release(&all.sql);
	return good;
}

static bool
fill_transfers(struct report_work *r, struct figure_table *t)
{
	json_t *rows = report_ask(r, "transfers", "&group=operator");
	const json_t *row;
	size_t i;

	for (i = 0; i < json_array_size(rows) && i < OPERATORS; i++) {
		row = json_array_get(rows, i);
		report_add(t, row, "operator");
		figure_add(t,
		    report_operator(r,
			json_string_value(json_object_get(row, "operator"))));
		report_add(t, row, "count");
		report_add(t, row, "sum_seconds");
		report_add(t, row, "max_seconds");
	}
	json_decref(rows);
	return rows != NULL;
}

const struct section section_waits = {
	.name = "waits",
	.title = "Who waited longest",
	.metric = "intervals",
	.columns = wait_columns,
	.columns_n = ARRAY_LEN(wait_columns),
	.fill = fill_waits,
};

const struct section section_transfers = {
	.name = "transfers",
	.title = "Waits that a transfer cut",
	.note =
	    "A wait that was handed over has a part for each operator who "
	    "held the chat meanwhile; the parts add up to the wait. At "
	    "most " OPERATORS_TEXT " operators, those who held the longest.",
	.metric = "intervals",
	.columns = transfer_columns,
	.columns_n = ARRAY_LEN(transfer_columns),
	.is_long = true,
	.fill = fill_transfers,
};
