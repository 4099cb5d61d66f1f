/*
 * resource_backlog: GET /api/v1/backlog: the number of open chats, and of
 * waiting customers by length of wait, at the start of each period, and at the
 * end of the range or now. Parameters: from, to, zone, by and compare of
 * responses.h.
 *
 * The past is computed from the intervals: a customer waited from an interval's
 * start to its end, and a chat was open from the start of its resolution to its
 * end. Unfinished waits and open chats have no interval yet, but a row in
 * chat_metrics. Nothing is known about the time before the oldest interval,
 * before the tenant was purged, or at which not everything was read
 * (sink/api/completeness.h).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"
#include "sink/api/kept.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

/* Maximum moments in an answer, and rows in the result of a statement. */
#define POINTS_MAX 1000
#define ROWS_MAX 200000

/* Waits of up to 5, 15 and 60 minutes, and longer ones. */
#define AGES 4
static const int64_t age_ends[AGES - 1] = { 5 * MINUTE_MS, 15 * MINUTE_MS,
	HOUR_MS };

static const struct sheet_column backlog_columns[] = {
	{ "span", SHEET_TEXT, "(asked|previous)" },
	{ "period", SHEET_NUMBER, "number" },
	{ "at", SHEET_TEXT, "text" },
	{ "at_utc", SHEET_TIME, "time" },
	{ "open_chats", SHEET_NUMBER,
	    "number? 'Null before the oldest interval, and at times at which "
	    "not everything was read'" },
	{ "waiting_chats", SHEET_NUMBER, NULL },
	{ "waiting_5m", SHEET_NUMBER,
	    "number? 'Waiting for less than 5 minutes'" },
	{ "waiting_15m", SHEET_NUMBER, "number? '5 to 15 minutes'" },
	{ "waiting_1h", SHEET_NUMBER, "number? '15 to 60 minutes'" },
	{ "waiting_longer", SHEET_NUMBER, NULL },
	{ "longest_wait_seconds", SHEET_NUMBER, NULL },
};

struct backlog_point {
	bool previous; /* belongs to the previous period */
	size_t period;
	int64_t at;
	int64_t open, waiting[AGES];
	int64_t longest_ms; /* CLOCK_NONE: nobody was waiting */
};

struct backlog {
	struct question *q;
	struct response_filter filter;
	struct response_span span;
	struct backlog_point *points; /* sorted by time; owned */
	size_t n, cap;
	int64_t known_from; /* INT64_MAX: nothing is known */
	struct completeness complete;
	struct kept_lacking not_kept;
};

/* The moments. */

static void
add_point(struct backlog *b, bool previous, size_t period, int64_t at)
{
	XGROW(b->points, b->n, b->cap);
	b->points[b->n++] = (struct backlog_point){ .previous = previous,
		.period = period,
		.at = at,
		.longest_ms = CLOCK_NONE };
}

/* Adds the starts of the periods before the end, and the end. */
static void
add_points(struct backlog *b, bool previous, const struct response_span *s,
    int64_t end)
{
	size_t i;

	for (i = 0; i < s->n && s->begins[i] < end; i++)
		add_point(b, previous, i, s->begins[i]);
	if (i > 0)
		add_point(b, previous, i, end);
}

/* Ends at the current minute, so that an answer is valid for a minute and the
 * previous period ends at the same elapsed time. */
static bool
set_points(struct backlog *b, enum response_by by, bool compares)
{
	int64_t now = b->q->request->now_ms;
	int64_t end = now < b->span.to ? now - now % MINUTE_MS : b->span.to;
	struct response_span before;

	if (compares && b->span.from < now) {
		before = response_span_before(&b->span, by, now);
		add_points(b, true, &before, before.to);
		response_span_release(&before);
	}
	add_points(b, false, &b->span, end);
	return b->n <= POINTS_MAX ||
	       question_problem(b->q, 400,
		   "more than %d moments; use a longer period (by) or a "
		   "shorter range",
		   POINTS_MAX);
}

static bool
read_backlog(struct backlog *b)
{
	enum response_by by;
	bool compares;

	return response_zone_read(b->q, &b->filter) &&
	       response_by_read(b->q, &by) &&
	       response_compare_read(b->q, &compares) &&
	       response_span_read(b->q, b->filter.zone, &b->span) &&
	       response_span_cut(b->q, &b->span, by) &&
	       set_points(b, by, compares);
}

/* Finds the oldest interval. Those from before a purge may arrive again, but
 * not all of them. */
static bool
find_oldest(struct backlog *b)
{
	const struct db_value tenant = db_str(b->q->viewer.tenant);
	struct db_rows *rows = NULL;
	bool good = question_ask(b->q,
	    "SELECT GREATEST(MIN(end_at), COALESCE((SELECT removed_at FROM "
	    "tenants WHERE tenant = ?), MIN(end_at))) FROM intervals "
	    "WHERE tenant = ?",
	    &tenant, 1, &rows);

	b->known_from = INT64_MAX;
	if (good && db_next(rows) && db_get(rows, 0) != NULL)
		b->known_from = db_get_time(rows, 0);
	db_rows_free(rows);
	return good;
}

/* Finds the time from which on the past can be computed. */
static bool
find_known(struct backlog *b)
{
	if (!find_oldest(b) ||
	    !kept_find_if_empty(
		b->q, b->known_from == INT64_MAX, "intervals", &b->not_kept) ||
	    !kept_find_if_empty(b->q, true, "chats", &b->not_kept))
		return false;
	if (b->not_kept.n > 0)
		b->known_from = INT64_MAX;
	return true;
}

/* Counting. */

/* Adds a wait (or, if waits is false, an open chat) to the points in [i,
 * end). */
static void
count(struct backlog *b, bool waits, int64_t since, size_t i, size_t end)
{
	struct backlog_point *p;
	int64_t waited;
	size_t age;

	for (; i < end; i++) {
		p = &b->points[i];
		if (!waits) {
			p->open++;
			continue;
		}
		waited = p->at - since;
		for (age = 0; age < AGES - 1 && waited >= age_ends[age];)
			age++;
		p->waiting[age]++;
		if (waited > p->longest_ms)
			p->longest_ms = waited;
	}
}

/* Appends an expression for the number of points before the time in a
 * column. */
static void
add_place(const struct backlog *b, const char *column, struct buf *sql)
{
	size_t i;

	buf_addf(sql, "INTERVAL(" RESPONSE_MS_OF("%s") " - 1", column);
	for (i = 0; i < b->n; i++)
		buf_addf(sql, ", %" PRId64, b->points[i].at);
	buf_adds(sql, ")");
}

/* Counts rows: whether it is a wait, its start, the first point that it covers
 * and the first one after it. */
static bool
count_rows(
    struct backlog *b, struct buf *sql, const struct db_value *args, size_t n)
{
	struct db_rows *rows = NULL;
	bool good = question_run(b->q, sql, args, n, &rows);

	if (good && db_rows_count(rows) > ROWS_MAX)
		good = question_problem(
		    b->q, 400, "too many intervals; use a shorter range");
	while (good && db_next(rows))
		count(b, db_get_int(rows, 0) != 0, db_get_int(rows, 1),
		    (size_t)db_get_int(rows, 2), (size_t)db_get_int(rows, 3));
	db_rows_free(rows);
	return good;
}

/* Skips most intervals: they are shorter than a period, and end before the next
 * point. */
static bool
count_past(struct backlog *b)
{
	const struct db_value args[] = { db_time(b->points[0].at),
		db_time(b->points[b->n - 1].at) };
	struct buf sql = BUF_INIT;

	buf_adds(&sql,
	    "SELECT kind <> 'resolution', " RESPONSE_MS_OF("start_at") ", ");
	add_place(b, "start_at", &sql);
	buf_adds(&sql, " AS first, ");
	add_place(b, "end_at", &sql);
	buf_adds(&sql,
	    " AS behind FROM intervals WHERE tenant = ? AND end_at > ? "
	    "AND start_at <= ? AND kind IN ('first_response', 'reply', "
	    "'unanswered', 'resolution') AND " INTERVAL_COUNTS);
	scope_add_totals(&b->q->viewer, "operator", &sql);
	buf_addf(&sql, " HAVING first < behind LIMIT %d", ROWS_MAX + 1);
	return count_rows(b, &sql, args, ARRAY_LEN(args));
}

/* Counts the waits, or the open chats, that have not ended. since: a column. */
static bool
count_running(struct backlog *b, bool waits, const char *since)
{
	struct buf sql = BUF_INIT;

	buf_addf(&sql, "SELECT %d, " RESPONSE_MS_OF("%s") ", ", waits, since);
	add_place(b, since, &sql);
	buf_addf(&sql,
	    ", %zu FROM chat_metrics WHERE tenant = ? AND status <> 'left' "
	    "AND %s IS NOT NULL",
	    b->n, since);
	scope_add_totals(&b->q->viewer, "operator", &sql);
	buf_addf(&sql, " LIMIT %d", ROWS_MAX + 1);
	return count_rows(b, &sql, NULL, 0);
}

static bool
count_all(struct backlog *b)
{
	bool good = question_begin(b->q) && find_known(b) &&
		    completeness_read(b->q, COMPLETE_CHATS, &b->complete);

	if (good && b->known_from < INT64_MAX && b->n > 0)
		good = count_past(b) &&
		       count_running(b, true, "waiting_since") &&
		       count_running(b, false,
			   "COALESCE(opened_at, last_message_at, as_of)");
	question_end(b->q);
	return good;
}

/* The answer. */

static void
write_point(
    const struct backlog *b, struct sheet *s, const struct backlog_point *p)
{
	bool known = p->at >= b->known_from &&
		     complete_state(&b->complete, p->at, p->at,
			 b->q->request->now_ms) != COMPLETE_NOT;
	int64_t waiting = 0;
	char text[CALENDAR_TEXT];
	size_t i;

	for (i = 0; i < AGES; i++)
		waiting += p->waiting[i];
	calendar_format(b->filter.zone, p->at, text);
	sheet_text(s, p->previous ? "previous" : "asked");
	sheet_int(s, (int64_t)p->period);
	sheet_text(s, text);
	sheet_time(s, p->at);
	sheet_int(s, known ? p->open : CLOCK_NONE);
	sheet_int(s, known ? waiting : CLOCK_NONE);
	for (i = 0; i < AGES; i++)
		sheet_int(s, known ? p->waiting[i] : CLOCK_NONE);
	sheet_seconds(s, known ? p->longest_ms : CLOCK_NONE);
}

static void
write_backlog(const struct backlog *b)
{
	struct buf *to = reply_begin(b->q);
	struct sheet s;
	size_t i, previous;

	sheet_begin(
	    &s, to, b->q->format, backlog_columns, ARRAY_LEN(backlog_columns));
	for (previous = 0; previous < 2; previous++)
		for (i = 0; i < b->n; i++)
			if (b->points[i].previous == (previous > 0))
				write_point(b, &s, &b->points[i]);
	sheet_end(&s);
	if (b->q->format == SHEET_JSON) {
		jsonw_str(to, "zone", b->filter.zone_name);
		response_write_range(to, &b->filter, &b->span);
		completeness_write(&b->complete, to);
		kept_write_lacking(&b->not_kept, to);
	}
	reply_end(b->q, NULL);
}

static void
answer_backlog(struct question *q)
{
	struct backlog b = { .q = q };

	if (read_backlog(&b) && count_all(&b))
		write_backlog(&b);
	free(b.points);
	completeness_release(&b.complete);
	response_span_release(&b.span);
	response_filter_release(&b.filter);
}

const struct resource resource_backlog = { "/api/v1/backlog", VIEWER_WALL,
	"backlog", "Open chats and waiting customers at past moments.",
	.answer = answer_backlog,
	.parameters = LIST_NAMES("from", "to", "zone", "by", "compare"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@BacklogRow], zone: text, from: time, "
		 "to: time, " COMPLETENESS_SHAPE
		 ", not_kept: text? 'Missing metrics that this answer "
		 "needs'}",
	.rows = { RESOURCE_ROWS("BacklogRow", backlog_columns) },
	.is_sheet = true };
