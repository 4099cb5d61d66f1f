/*
 * report: see report.h. Each section is a row in `sections`, with its table: an
 * API answer, or the rows from a statement. To add one: its row there, the page
 * messaging-report(7), and its figures in tests/e2e/report.t.
 */
#include "sink/report/report.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/hours/terms.h"
#include "common/output/output_table.h"
#include "common/tables/tables.h"
#include "sink/api/completeness.h"
#include "sink/api/kept.h"
#include "sink/calendar/calendar.h"
#include "sink/report/chart.h"
#include "sink/report/page.h"
#include "sink/resources/by_hand.h"
#include "sink/responses/responses.h"

#define V1 "/api/v1/"

/* Figures of one kind of coverage: whether those of the period, and of the
 * previous one, are complete. */
struct report_kind {
	struct completeness of;
	enum complete_state is, was;
};

struct report {
	const struct report_request *request; /* borrowed */
	struct zone *zone;                    /* owned */
	const char *zone_name;
	const struct tenant_terms *terms; /* hours and targets; borrowed */
	bool judged;                      /* there are any */
	bool work;                        /* times are work times */
	char within[16];                  /* the target in seconds, as text */
	char from_day[CALENDAR_TEXT], to_day[CALENDAR_TEXT];
	int64_t from, to;
	/* The previous period. While the current period is running, the
	 * previous one is the same elapsed part, which ends within a day. */
	int64_t before, before_to;
	bool runs;
	char before_day[CALENDAR_TEXT], before_end[CALENDAR_TEXT];
	json_t *totals; /* the answer about the whole period; owned */
	/* By kind, the rows of the whole and of the previous period; owned. */
	json_t *kinds;
	/* Names by id, of operators and of channels; owned. */
	json_t *names, *channel_names;
	struct kept_lacking not_kept;
	struct report_kind chats, counts;
	struct report_kind channels; /* chats, as far as they are added up;
				      * borrows */
	struct db *db;               /* borrowed */
	struct web_answer answer;    /* to the last request */
	enum exit_code code;         /* why it failed */
};

/* A section and the source of its table: sql, over the tenant and the period,
 * or fill(), which returns false and sets r->code on failure. */
struct section {
	const char *name;         /* of its lines in CSV */
	const char *title, *note; /* for people; note may be NULL */
	const char *metric; /* the metric; without its rows there is no table;
			     * may be NULL */
	const struct figure_column *columns;
	size_t columns_n;
	size_t ends; /* see page_table() */
	const char *sql;
	bool (*fill)(struct report *r, struct figure_table *t);
	bool counts; /* its figures are running totals (completeness.h) */
	bool judged; /* only exists with hours or targets */
	/* Appends the chart of a table with rows; NULL: there is none. */
	void (*draw)(const struct figure_table *t, struct buf *to);
};

/* The API. */

/* If the days are rejected, the message names them, because the user gave days,
 * not an API address. */
static void
explain_refusal(struct report *r, const char *target)
{
	bool bad = r->answer.status == 400 || r->answer.status == 422;
	char *days = NULL;

	if (bad && r->request->from != NULL)
		days = xasprintf(
		    "--since %s --until %s", r->request->from, r->request->to);
	r->code =
	    by_hand_explain(&r->answer, r->db, days != NULL ? days : target);
	free(days);
}

/* Returns the answer to a GET, whose parameters include the days. Owned; NULL:
 * it failed. */
static json_t *
get_json(struct report *r, const char *target)
{
	json_t *answer;

	buf_clear(&r->answer.body);
	buf_clear(&r->answer.headers);
	by_hand_get(r->request->viewer, r->db, r->request->timeout_ms, target,
	    &r->answer);
	if (r->answer.status >= 400) {
		explain_refusal(r, target);
		return NULL;
	}
	answer = json_loadb(r->answer.body.data, r->answer.body.len, 0, NULL);
	if (answer == NULL) {
		log_error("%s: the answer is not JSON", target);
		r->code = PROG_SOFTWARE;
	}
	return answer;
}

/* Queries a resource about the period, with further parameters, such as
 * "responses", "&group=channel". */
static json_t *
ask_span(struct report *r, const char *resource, const char *more)
{
	struct buf target = BUF_INIT;
	json_t *answer;

	buf_addf(&target, V1 "%s?from=%s&to=%s&zone=", resource, r->from_day,
	    r->to_day);
	percent_encode(&target, r->zone_name);
	buf_adds(&target, more);
	answer = get_json(r, buf_str(&target));
	buf_release(&target);
	return answer;
}

/* Returns only its rows. */
static json_t *
ask_rows(struct report *r, const char *resource, const char *more)
{
	json_t *answer = ask_span(r, resource, more);
	json_t *rows = json_incref(json_object_get(answer, "rows"));

	json_decref(answer);
	return rows;
}

/* Queries responses, with the share within the target. */
static json_t *
ask_responses(
    struct report *r, const char *by, const char *kind, const char *more)
{
	struct buf all = BUF_INIT;
	json_t *answer;

	buf_addf(&all, "&by=%s&kind=%s&within_seconds=%s%s", by, kind,
	    r->within, more);
	answer = ask_span(r, "responses", buf_str(&all));
	buf_release(&all);
	return answer;
}

static const char *
text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text != NULL ? text : "";
}

static double
number_of(const json_t *row, const char *member)
{
	return json_number_value(json_object_get(row, member));
}

/* Adds a member as a cell. */
static void
add_member(struct figure_table *t, const json_t *row, const char *member)
{
	const json_t *v = json_object_get(row, member);
	char text[32];

	if (json_is_integer(v)) {
		figure_add_int(t, json_integer_value(v));
	} else if (json_is_real(v)) {
		/* As in the API, shares have four decimals. */
		(void)snprintf(text, sizeof text,
		    strcmp(member, "within") == 0 ? "%.4f" : "%.3f",
		    json_real_value(v));
		figure_add(t, text);
	} else {
		figure_add(t, json_string_value(v));
	}
}

/* Adds the share of targets that were kept, which is more exact than the
 * rounded member kept_percent. */
static void
add_kept_share(struct figure_table *t, const json_t *row, const char *member)
{
	double kept = number_of(row, "kept");
	double all =
	    kept + number_of(row, "missed") + number_of(row, "late_now");
	char text[32];

	(void)member;
	(void)snprintf(text, sizeof text, "%.4f", all > 0 ? kept / all : 0);
	figure_add(t, all > 0 ? text : NULL);
}

/* Adds a cell of a column "complete". */
static void
add_complete(struct figure_table *t, enum complete_state s)
{
	figure_add(t, s == COMPLETE_UNKNOWN ? NULL
		      : s == COMPLETE_YES   ? "yes"
					    : "no");
}

/* Adds whether the period of an API row is complete. */
static void
add_complete_member(struct figure_table *t, const json_t *row)
{
	const json_t *is = json_object_get(row, "complete");

	add_complete(t, json_is_true(is)    ? COMPLETE_YES
			: json_is_false(is) ? COMPLETE_NOT
					    : COMPLETE_UNKNOWN);
}

/* True if the figures of the period are compared with the previous ones. */
static bool
compares(const struct report_kind *k)
{
	return k->is != COMPLETE_NOT && k->was != COMPLETE_NOT;
}

/* Returns the name of an operator, or the id. */
static const char *
name_of(const struct report *r, const char *id)
{
	const char *name;

	if (id == NULL || *id == '\0')
		return "(nobody)";
	name = text_of(r->names, id);
	return *name != '\0' ? name : id;
}

/* Returns the name of a channel, or the id. */
static const char *
channel_name_of(const struct report *r, const char *id)
{
	const char *name;

	if (*id == '\0')
		return "(none)";
	name = text_of(r->channel_names, id);
	return *name != '\0' ? name : id;
}

/* Writes "2026-11-20 10:00" in the zone's local time. */
static void
format_time(const struct report *r, int64_t ms, char text[CALENDAR_TEXT])
{
	calendar_format(r->zone, ms, text);
	text[strlen(REPORT_DAY)] = ' ';
	text[strlen(REPORT_DAY " 10:00")] = '\0';
}

static void
format_day(const struct report *r, int64_t ms, char text[CALENDAR_TEXT])
{
	calendar_format(r->zone, ms, text);
	text[strlen(REPORT_DAY)] = '\0';
}

/* Statements. */

static struct question
question_of(struct report *r)
{
	return (struct question){ .answer = &r->answer,
		.db = r->db,
		.viewer = *r->request->viewer,
		.timeout_ms = r->request->timeout_ms };
}

static bool
query(struct report *r, const char *sql, const struct db_value *args, size_t n,
    struct db_rows **rows)
{
	struct question q = question_of(r);

	buf_clear(&r->answer.body);
	if (question_ask(&q, sql, args, n, rows))
		return true;
	r->code = by_hand_explain(&r->answer, r->db, "the report");
	return false;
}

/* Adds the rows of a statement, which has the same columns as the table; the
 * column "name" has an operator's id, or a channel's if the first column has a
 * channel. */
static bool
fill_by_sql(struct report *r, struct figure_table *t, const char *sql,
    const struct db_value *args, size_t n)
{
	bool channels = strcmp(t->columns[0].name, "channel") == 0;
	struct db_rows *rows = NULL;
	char time[CALENDAR_TEXT];
	const char *id;
	size_t i;

	if (!query(r, sql, args, n, &rows))
		return false;
	while (db_next(rows))
		for (i = 0; i < t->columns_n; i++) {
			if (t->columns[i].unit == FIGURE_TIME) {
				format_time(r, db_get_time(rows, i), time);
				figure_add(t, time);
			} else if (strcmp(t->columns[i].name, "name") == 0) {
				id = db_get(rows, i);
				figure_add(t, channels ? channel_name_of(r, id)
						       : name_of(r, id));
			} else {
				figure_add(t, db_get(rows, i));
			}
		}
	db_rows_free(rows);
	return true;
}

/* Totals: the whole period, next to the previous one. */

static const struct figure_column total_columns[] = {
	{ "figure", "Figure", FIGURE_KEY },
	{ "title", "Figure", FIGURE_TEXT },
	{ "unit", "Unit", FIGURE_UNIT },
	{ "value", "This period", FIGURE_OF_ROW },
	{ "before", "Previous period", FIGURE_OF_ROW },
	{ "change", "Change", FIGURE_CHANGE },
	{ "complete", "Complete", FIGURE_COMPLETE },
};

/* From /api/v1/responses, by kind and member. */
static const struct {
	const char *kind, *member, *name, *title;
	enum figure_unit unit;
} response_totals[] = {
	{ "response", "count", "responses", "Responses", FIGURE_COUNT },
	{ "response", "closed", "responses_closed", "Responses outside hours",
	    FIGURE_COUNT },
	{ "response", "avg_seconds", "response_avg", "Response time, average",
	    FIGURE_SECONDS },
	{ "response", "median_seconds", "response_median",
	    "Response time, median", FIGURE_SECONDS },
	{ "response", "p90_seconds", "response_p90", "Response time, P90",
	    FIGURE_SECONDS },
	{ "response", "max_seconds", "response_max", "Response time, longest",
	    FIGURE_SECONDS },
	{ "response", "within", "response_within", "Answered within the target",
	    FIGURE_SHARE },
	{ "response", "kept_percent", "response_kept", "Response targets kept",
	    FIGURE_SHARE },
	{ "first_response", "count", "first_responses", "First responses",
	    FIGURE_COUNT },
	{ "first_response", "kept_percent", "first_response_kept",
	    "First response targets kept", FIGURE_SHARE },
	{ "first_response", "median_seconds", "first_response_median",
	    "First response, median", FIGURE_SECONDS },
	{ "resolution", "count", "resolutions", "Resolutions", FIGURE_COUNT },
	{ "resolution", "median_seconds", "resolution_median",
	    "Time to resolution, median", FIGURE_SECONDS },
	{ "resolution", "kept_percent", "resolution_kept",
	    "Resolution targets kept", FIGURE_SHARE },
	{ "unanswered", "count", "unanswered", "Closed while a customer waited",
	    FIGURE_COUNT },
};

/* Counts within a period. */
static const struct {
	const char *name, *title, *metric, *sql;
} counted_totals[] = {
	{ "conversations", "Conversations started", "conversations",
	    "SELECT COUNT(*) FROM conversation_metrics WHERE tenant = ? "
	    "AND created_at >= ? AND created_at < ?" },
	{ "alerts", "Alerts about too many messages", "alerts",
	    "SELECT COUNT(*) FROM alerts WHERE tenant = ? AND messages > 0 "
	    "AND started_at >= ? AND started_at < ?" },
};

/* Compares the previous two cells: relative to the previous period, or for a
 * share, the difference. */
static void
add_total_change(struct figure_table *t)
{
	size_t row = figure_rows(t);
	double now = figure_value(t, row, 3), then = figure_value(t, row, 4);
	bool share = figure_unit_at(t, row, 3) == FIGURE_SHARE;
	char text[32];

	if (isnan(now) || isnan(then) || (!share && fabs(then) < 1e-9)) {
		figure_add(t, NULL);
		return;
	}
	(void)snprintf(text, sizeof text, "%.4f",
	    share ? now - then : (now - then) / then);
	figure_add(t, text);
}

/* Adds the cells after those of the two periods. */
static void
end_total(struct figure_table *t, const struct report_kind *k)
{
	if (compares(k))
		add_total_change(t);
	else
		figure_add(t, NULL);
	add_complete(t, k->is);
}

static void
begin_total(struct figure_table *t, const char *name, const char *title,
    enum figure_unit unit)
{
	figure_add(t, name);
	figure_add(t, title);
	figure_add(t, figure_unit_word(unit));
}

/* Adds the cell of a count; if the metric is not stored, it is absent instead
 * of 0. */
static bool
add_count(struct report *r, struct figure_table *t, size_t of, int64_t from,
    int64_t to)
{
	const struct db_value args[] = { db_time(from), db_time(to) };
	bool kept = !kept_lacks(&r->not_kept, counted_totals[of].metric);
	struct db_rows *rows = NULL;
	int64_t n;

	if (!query(r, counted_totals[of].sql, args, 2, &rows))
		return false;
	n = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(rows);
	figure_add_int(t, kept ? n : INT64_MIN);
	return true;
}

static bool
has_total(const struct report *r, size_t i)
{
	const char *member = response_totals[i].member;

	if (strcmp(member, "closed") == 0)
		return r->judged && terms_have_hours(r->terms);
	if (strcmp(member, "kept_percent") == 0)
		return r->judged && terms_have_targets(r->terms);
	return true;
}

static void
fill_response_total(struct report *r, struct figure_table *t, size_t i)
{
	const json_t *rows = json_object_get(r->kinds, response_totals[i].kind);
	const char *member = response_totals[i].member;
	void (*add)(struct figure_table *, const json_t *, const char *) =
	    strcmp(member, "kept_percent") == 0 ? add_kept_share : add_member;

	begin_total(t, response_totals[i].name, response_totals[i].title,
	    response_totals[i].unit);
	add(t, json_array_get(rows, 0), member);
	/* An incomplete previous figure is not shown, so nothing is compared
	 * with it. */
	add(t, r->chats.was == COMPLETE_NOT ? NULL : json_array_get(rows, 1),
	    member);
	end_total(t, &r->chats);
}

static bool
fill_totals(struct report *r, struct figure_table *t)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(response_totals); i++)
		if (has_total(r, i))
			fill_response_total(r, t, i);
	for (i = 0; i < ARRAY_LEN(counted_totals); i++) {
		begin_total(t, counted_totals[i].name, counted_totals[i].title,
		    FIGURE_COUNT);
		if (!add_count(r, t, i, r->from, r->to))
			return false;
		if (r->counts.was == COMPLETE_NOT)
			figure_add(t, NULL);
		else if (!add_count(r, t, i, r->before, r->before_to))
			return false;
		end_total(t, &r->counts);
	}
	return true;
}

/* Response times over the period, and resolutions: by hour, day, week or month,
 * whichever gives a table of readable length. */

static const struct figure_column day_columns[] = {
	{ "begin", "Begin", FIGURE_PERIOD },
	{ "count", "Responses", FIGURE_COUNT },
	{ "avg_seconds", "Average", FIGURE_SECONDS },
	{ "median_seconds", "Median", FIGURE_SECONDS },
	{ "p90_seconds", "P90", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
	{ "within", "Within the target", FIGURE_SHARE },
	{ "complete", "Complete", FIGURE_COMPLETE },
};

static const struct figure_column resolved_columns[] = {
	{ "begin", "Begin", FIGURE_PERIOD },
	{ "resolutions", "Resolutions", FIGURE_COUNT },
	{ "avg_seconds", "Average time", FIGURE_SECONDS },
	{ "median_seconds", "Median time", FIGURE_SECONDS },
	{ "unanswered", "Closed while a customer waited", FIGURE_COUNT },
	{ "complete", "Complete", FIGURE_COMPLETE },
};

static const char *
period_of(const struct report *r)
{
	int64_t days =
	    calendar_day(r->zone, r->to) - calendar_day(r->zone, r->from);

	if (days <= 2)
		return "hour";
	if (days <= 62)
		return "day";
	return days <= 400 ? "week" : "month";
}

/* Length of a date, with the time for hours. */
#define PERIOD_NAME strlen("2026-11-20 10:00")

static void
add_period_cell(
    const struct report *r, struct figure_table *t, const json_t *row)
{
	const char *begin = text_of(row, "begin");
	struct buf name = BUF_INIT;

	if (strcmp(period_of(r), "hour") != 0) {
		buf_add(&name, begin, strlen(REPORT_DAY));
	} else {
		buf_add(&name, begin, PERIOD_NAME);
		name.data[strlen(REPORT_DAY)] = ' ';
	}
	figure_add(t, buf_str(&name));
	buf_release(&name);
}

static bool
fill_days(struct report *r, struct figure_table *t)
{
	json_t *answer = ask_responses(r, period_of(r), "response", "");
	const json_t *rows = json_object_get(answer, "rows"), *row;
	size_t i, c;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		add_period_cell(r, t, row);
		for (c = 1; c < t->columns_n - 1; c++)
			add_member(t, row, t->columns[c].name);
		add_complete_member(t, row);
	}
	json_decref(answer);
	return answer != NULL;
}

/* The two answers have the same periods. */
static bool
fill_resolved(struct report *r, struct figure_table *t)
{
	json_t *resolved = ask_responses(r, period_of(r), "resolution", "");
	json_t *unanswered = NULL;
	const json_t *rows = json_object_get(resolved, "rows"), *row;
	size_t i;

	if (resolved != NULL)
		unanswered = ask_responses(r, period_of(r), "unanswered", "");
	for (i = 0; unanswered != NULL && i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		add_period_cell(r, t, row);
		add_member(t, row, "count");
		add_member(t, row, "avg_seconds");
		add_member(t, row, "median_seconds");
		row = json_array_get(json_object_get(unanswered, "rows"), i);
		add_member(t, row, "count");
		add_complete_member(t, row);
	}
	json_decref(resolved);
	json_decref(unanswered);
	return unanswered != NULL;
}

static void
draw_days(const struct figure_table *t, struct buf *to)
{
	static const char *const titles[] = { "median", "P90" };
	size_t i, n = figure_rows(t);
	struct chart_point *points = xcalloc(n, sizeof *points);

	for (i = 0; i < n; i++) {
		points[i].label = figure_at(t, i, 0);
		points[i].values[0] = figure_value(t, i, 3);
		points[i].values[1] = figure_value(t, i, 4);
	}
	chart_curves(to, "Response times over the period", titles, points, n);
	free(points);
}

/* Response times of each operator, and those of the previous period. */

/* A page shows this many of the fastest and of the slowest. */
#define OPERATOR_ENDS 10

static const struct figure_column operator_columns[] = {
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "count", "Responses", FIGURE_COUNT },
	{ "avg_seconds", "Average", FIGURE_SECONDS },
	{ "median_seconds", "Median", FIGURE_SECONDS },
	{ "p90_seconds", "P90", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
	{ "within", "Within the target", FIGURE_SHARE },
	{ "count_before", "Previous responses", FIGURE_COUNT },
	{ "median_seconds_before", "Previous median", FIGURE_SECONDS },
};

/* The fastest first. */
static int
compare_operators(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	double more =
	    number_of(*x, "median_seconds") - number_of(*y, "median_seconds");

	if (more > 0 || more < 0)
		return more > 0 ? 1 : -1;
	return strcmp(text_of(*x, "operator"), text_of(*y, "operator"));
}

static bool
fill_operators(struct report *r, struct figure_table *t)
{
	json_t *answer = ask_responses(
	    r, "total", "response", "&group=operator&compare=previous");
	const json_t *rows = json_object_get(answer, "rows"), **list;
	json_t *row, *before = json_object();
	const char *id;
	size_t i, c, n = 0;

	list = xcalloc(json_array_size(rows) + 1, sizeof *list);
	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if (number_of(row, "count") < 1)
			continue; /* only targets that closings missed */
		if (strcmp(text_of(row, "span"), "asked") == 0)
			list[n++] = row;
		else if (compares(&r->chats))
			json_object_set(before, text_of(row, "operator"), row);
	}
	qsort(list, n, sizeof *list, compare_operators);
	for (i = 0; i < n; i++) {
		id = text_of(list[i], "operator");
		figure_add(t, id);
		figure_add(t, name_of(r, id));
		for (c = 2; c < 8; c++)
			add_member(t, list[i], t->columns[c].name);
		row = json_object_get(before, id);
		add_member(t, row, "count");
		add_member(t, row, "median_seconds");
	}
	free(list);
	json_decref(before);
	json_decref(answer);
	return answer != NULL;
}

/* Targets by operator and channel. */

static const struct figure_column target_columns[] = {
	{ "subject", "Of", FIGURE_TEXT },
	{ "id", "Id", FIGURE_KEY },
	{ "name", "Name", FIGURE_TEXT },
	{ "count", "Responses", FIGURE_COUNT },
	{ "closed", "Outside hours", FIGURE_COUNT },
	{ "kept", "Targets kept", FIGURE_COUNT },
	{ "missed", "Missed", FIGURE_COUNT },
	{ "late_now", "Late now", FIGURE_COUNT },
	{ "kept_share", "Kept", FIGURE_SHARE },
};

static bool
fill_targets_of(struct report *r, struct figure_table *t, const char *subject)
{
	struct buf more = BUF_INIT;
	json_t *answer;
	const json_t *rows, *row;
	const char *id;
	size_t i;

	buf_addf(&more, "&group=%s", subject);
	answer = ask_responses(r, "total", "response", buf_str(&more));
	buf_release(&more);
	rows = json_object_get(answer, "rows");
	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		id = text_of(row, subject);
		figure_add(t, subject);
		figure_add(t, id);
		figure_add(t, strcmp(subject, "channel") == 0
				  ? channel_name_of(r, id)
				  : name_of(r, id));
		add_member(t, row, "count");
		add_member(t, row, "closed");
		add_member(t, row, "kept");
		add_member(t, row, "missed");
		add_member(t, row, "late_now");
		add_kept_share(t, row, NULL);
	}
	json_decref(answer);
	return answer != NULL;
}

static bool
fill_targets(struct report *r, struct figure_table *t)
{
	return fill_targets_of(r, t, "operator") &&
	       fill_targets_of(r, t, "channel");
}

/* Responses by hour of the week: their number and their duration. */

#define WEEK_DAYS 7

static const struct figure_column week_columns[] = {
	{ "hour", "Hour", FIGURE_TEXT },
	{ "mon_count", "Mon", FIGURE_SHADED },
	{ "tue_count", "Tue", FIGURE_SHADED },
	{ "wed_count", "Wed", FIGURE_SHADED },
	{ "thu_count", "Thu", FIGURE_SHADED },
	{ "fri_count", "Fri", FIGURE_SHADED },
	{ "sat_count", "Sat", FIGURE_SHADED },
	{ "sun_count", "Sun", FIGURE_SHADED },
	{ "mon_median_seconds", "Mon median", FIGURE_SECONDS },
	{ "tue_median_seconds", "Tue median", FIGURE_SECONDS },
	{ "wed_median_seconds", "Wed median", FIGURE_SECONDS },
	{ "thu_median_seconds", "Thu median", FIGURE_SECONDS },
	{ "fri_median_seconds", "Fri median", FIGURE_SECONDS },
	{ "sat_median_seconds", "Sat median", FIGURE_SECONDS },
	{ "sun_median_seconds", "Sun median", FIGURE_SECONDS },
};

static bool
has_week(const struct report *r)
{
	return r->to - r->from <= HEATMAP_DAYS_MAX * DAY_MS;
}

/* The API's rows are the hours from Monday on. */
static bool
fill_week(struct report *r, struct figure_table *t)
{
	static const char *const members[] = { "count", "median_seconds" };
	json_t *rows = has_week(r) ? ask_rows(r, "heatmap", "") : json_array();
	size_t hour, m, day, hours = json_array_size(rows) / WEEK_DAYS;
	char text[32];

	for (hour = 0; hour < hours; hour++) {
		(void)snprintf(text, sizeof text, "%02zu:00", hour);
		figure_add(t, text);
		for (m = 0; m < ARRAY_LEN(members); m++)
			for (day = 0; day < WEEK_DAYS; day++)
				add_member(t,
				    json_array_get(rows, day * hours + hour),
				    members[m]);
	}
	json_decref(rows);
	return rows != NULL;
}

/* The longest waits, and waits that a transfer split. */

static const struct figure_column wait_columns[] = {
	{ "ended", "Ended", FIGURE_TIME },
	{ "seconds", "Waited", FIGURE_SECONDS },
	{ "chat", "Chat", FIGURE_TEXT },
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "kind", "Ended by", FIGURE_TEXT },
};

/* Only whole waits; the parts of a wait that a transfer split have the kind
 * waiting. */
static bool
fill_waits(struct report *r, struct figure_table *t)
{
	const struct db_value span[] = { db_time(r->from), db_time(r->to) };
	const char *length = r->work ? "work_ms" : "ms";
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql,
	    "SELECT end_at, ROUND(%s / 1000, 3), chat, operator, operator, "
	    "CASE kind WHEN 'first_response' THEN 'first response' "
	    "WHEN 'unanswered' THEN 'closing, unanswered' ELSE kind END "
	    "FROM intervals WHERE tenant = ? AND end_at >= ? AND end_at < ? "
	    "AND kind IN ('first_response', 'reply', 'unanswered') "
	    "AND %s IS NOT NULL AND " INTERVAL_COUNTS
	    " ORDER BY %s DESC, end_at, chat LIMIT 10",
	    length, length, length);
	good = fill_by_sql(r, t, buf_str(&sql), span, ARRAY_LEN(span));
	buf_release(&sql);
	return good;
}

static const struct figure_column transfer_columns[] = {
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "parts", "Parts of waits", FIGURE_COUNT },
	{ "sum_seconds", "Total wait", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
};

#define OPERATORS 100
#define OPERATORS_TEXT "100"

/* The longest total first. */
static int
compare_transfers(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	double more =
	    number_of(*x, "sum_seconds") - number_of(*y, "sum_seconds");

	if (more > 0 || more < 0)
		return more > 0 ? -1 : 1;
	return strcmp(text_of(*x, "operator"), text_of(*y, "operator"));
}

static bool
fill_transfers(struct report *r, struct figure_table *t)
{
	json_t *answer =
	    ask_responses(r, "total", "waiting", "&group=operator");
	const json_t *rows = json_object_get(answer, "rows"), **list;
	size_t i, n = json_array_size(rows);

	list = xcalloc(n + 1, sizeof *list);
	for (i = 0; i < n; i++)
		list[i] = json_array_get(rows, i);
	qsort(list, n, sizeof *list, compare_transfers);
	for (i = 0; i < n && i < OPERATORS; i++) {
		add_member(t, list[i], "operator");
		figure_add(t, name_of(r, text_of(list[i], "operator")));
		add_member(t, list[i], "count");
		add_member(t, list[i], "sum_seconds");
		add_member(t, list[i], "max_seconds");
	}
	free(list);
	json_decref(answer);
	return answer != NULL;
}

/* Messages by channel, and the number of read ones. */

#define CHANNELS_MAX "50"
#define DEVICES_MAX "20"

static const struct figure_column channel_columns[] = {
	{ "channel", "Id", FIGURE_KEY },
	{ "name", "Channel", FIGURE_TEXT },
	{ "inbound_messages", "From customers", FIGURE_COUNT },
	{ "outbound_messages", "To customers", FIGURE_COUNT },
	{ "inbound_before", "Previous, from customers", FIGURE_COUNT },
	{ "outbound_before", "Previous, to customers", FIGURE_COUNT },
};

static const struct figure_column receipt_columns[] = {
	{ "device", "Device", FIGURE_TEXT },
	{ "receipts", "Receipts", FIGURE_COUNT },
};

/* Counts hours that begin in the period. While the period is running, the hour
 * at which the previous one ends is omitted there. */
static bool
fill_channels(struct report *r, struct figure_table *t)
{
	int64_t cut = r->runs ? r->before_to % HOUR_MS : 0;
	const struct db_value args[] = { db_time(r->before), db_time(r->to),
		db_time(r->from), db_time(r->before_to - cut) };

	const char *before =
	    compares(&r->channels)
		? "SUM(IF(`hour` < end_before, inbound_messages, 0)), "
		  "SUM(IF(`hour` < end_before, outbound_messages, 0))"
		: "NULL, NULL";
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql,
	    "SELECT channel, channel, "
	    "SUM(IF(`hour` >= begin_at, inbound_messages, 0)), "
	    "SUM(IF(`hour` >= begin_at, outbound_messages, 0)), %s "
	    "FROM (SELECT * FROM channel_metrics WHERE tenant = ? "
	    "AND `hour` >= ? AND `hour` < ?) c JOIN "
	    "(SELECT CAST(? AS DATETIME(3)) AS begin_at, "
	    "CAST(? AS DATETIME(3)) AS end_before) spans GROUP BY channel "
	    "ORDER BY SUM(IF(`hour` >= begin_at, messages, 0)) DESC, "
	    "SUM(messages) DESC, channel LIMIT " CHANNELS_MAX,
	    before);
	good = fill_by_sql(r, t, buf_str(&sql), args, ARRAY_LEN(args));
	buf_release(&sql);
	return good;
}

/* Users who wrote too much, and words that became more frequent. */

#define USERS_MAX "20"
#define WORDS_MAX "30"

static const struct figure_column alert_columns[] = {
	{ "user_id", "User", FIGURE_TEXT },
	{ "alerts", "Alerts", FIGURE_COUNT },
	{ "messages", "Messages in the worst alert", FIGURE_COUNT },
	{ "first", "First", FIGURE_TIME },
	{ "last", "Last", FIGURE_TIME },
};

static const struct figure_column word_columns[] = {
	{ "word", "Word", FIGURE_TEXT },
	{ "occurrences", "Messages with the word", FIGURE_COUNT },
	{ "windows", "Times trending", FIGURE_COUNT },
	{ "first", "First", FIGURE_TIME },
};

/* What the report is about. */

static const struct figure_column about_columns[] = {
	{ "what", "What", FIGURE_TEXT },
	{ "value", "Value", FIGURE_TEXT },
};

/* Adds since when figures of a kind are complete, and whether those of the two
 * periods are. */
static void
add_about_complete(
    struct figure_table *t, const char *prefix, const struct report_kind *k)
{
	static const char *const names[] = { "complete_since", "first_record" };
	int64_t since = completeness_since(&k->of);
	char text[CLOCK_TEXT], name[32];
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(name, sizeof name, "%s%s", prefix, names[i]);
		figure_add(t, name);
		if (since != CLOCK_NONE)
			clock_format(since, text);
		figure_add(t, since != CLOCK_NONE && k->of.stated == (i == 0)
				  ? text
				  : NULL);
	}
	(void)snprintf(name, sizeof name, "%scomplete", prefix);
	figure_add(t, name);
	add_complete(t, k->is);
	(void)snprintf(name, sizeof name, "%sbefore_complete", prefix);
	figure_add(t, name);
	add_complete(t, k->was);
}

static bool
fill_about(struct report *r, struct figure_table *t)
{
	struct buf names = BUF_INIT;
	const char *const pairs[] = { "tenant", r->request->viewer->tenant,
		"from", r->from_day, "to", r->to_day, "zone", r->zone_name,
		"before_from", r->before_day, "before_to", r->before_end,
		"within_seconds", r->within };
	size_t i;

	for (i = 0; i < ARRAY_LEN(pairs); i++)
		figure_add(t, pairs[i]);
	if (r->judged) {
		figure_add(t, "clock");
		add_member(t, r->totals, "clock");
		figure_add(t, "hours");
		add_member(t, r->totals, "hours");
	}
	figure_add(t, "as_of");
	add_member(t, r->totals, "as_of");
	add_about_complete(t, "", &r->chats);
	add_about_complete(t, "counts_", &r->counts);
	figure_add(t, "not_kept");
	kept_add_lacking(&r->not_kept, &names);
	figure_add(t, names.data);
	buf_release(&names);
	return true;
}

#define COLUMNS(list) .columns = (list), .columns_n = ARRAY_LEN(list)

static const struct section sections[] = {
	{ "totals", "Totals",
	    "Changes are relative to the previous period; changes of shares "
	    "are in percentage points (pp).",
	    NULL, COLUMNS(total_columns), .fill = fill_totals },
	{ "days", "Response times over the period",
	    "Half of the responses took at most the median, and 90 % took at "
	    "most P90.",
	    "intervals", COLUMNS(day_columns), .fill = fill_days,
	    .draw = draw_days },
	{ "operators", "Operators",
	    "Fastest median first. If there are more than 20 operators, the "
	    "page shows the ten fastest and the ten slowest; the CSV file "
	    "lists all.",
	    "intervals", COLUMNS(operator_columns), .ends = OPERATOR_ENDS,
	    .fill = fill_operators },
	{ "targets", "Targets",
	    "First responses and replies. A chat that was closed while its "
	    "customer waited beyond the target is missed, too.",
	    "intervals", COLUMNS(target_columns), .fill = fill_targets,
	    .judged = true },
	{ "week", "Hours of the week",
	    "Number of responses and their median, by local hour.", "intervals",
	    COLUMNS(week_columns), .fill = fill_week },
	{ "waits", "Longest waits", NULL, "intervals", COLUMNS(wait_columns),
	    .fill = fill_waits },
	{ "resolved", "Resolutions",
	    "From the first message of an episode to its closing.", "intervals",
	    COLUMNS(resolved_columns), .fill = fill_resolved },
	{ "transfers", "Transfers",
	    "A wait during which the chat was transferred has a part for each "
	    "operator; the parts add up to the wait. At most " OPERATORS_TEXT
	    " operators, those with the longest parts.",
	    "intervals", COLUMNS(transfer_columns), .fill = fill_transfers },
	{ "channels", "Channels",
	    "Messages in the UTC hours that begin in the period. While the "
	    "period runs, the previous period ends with a full hour. At "
	    "most " CHANNELS_MAX " channels, those with the most messages.",
	    "channels", COLUMNS(channel_columns), .fill = fill_channels },
	{ "receipts", "Read receipts",
	    "At most " DEVICES_MAX " devices, those with the most receipts.",
	    "views", COLUMNS(receipt_columns), .counts = true,
	    .sql = "SELECT device, COUNT(*) FROM message_views "
		   "WHERE tenant = ? AND viewed_at >= ? AND viewed_at < ? "
		   "GROUP BY device ORDER BY 2 DESC, 1 LIMIT " DEVICES_MAX },
	{ "alerts", "Alerts",
	    "At most " USERS_MAX " users, those with the most alerts.",
	    "alerts", COLUMNS(alert_columns), .counts = true,
	    .sql = "SELECT user_id, COUNT(*), MAX(messages), MIN(started_at), "
		   "MAX(started_at) FROM alerts WHERE tenant = ? "
		   "AND started_at >= ? AND started_at < ? AND messages > 0 "
		   "GROUP BY user_id ORDER BY 2 DESC, 3 DESC, 1 "
		   "LIMIT " USERS_MAX },
	{ "words", "Trending words",
	    "At most " WORDS_MAX " words, those with the most messages.",
	    "trends", COLUMNS(word_columns), .counts = true,
	    .sql = "SELECT word, SUM(occurrences), COUNT(*), "
		   "MIN(window_start) FROM trends WHERE tenant = ? "
		   "AND window_start >= ? AND window_start < ? "
		   "AND occurrences > 0 GROUP BY word ORDER BY 2 DESC, 1 "
		   "LIMIT " WORDS_MAX },
	{ "about", "About this report",
	    "Dates mean midnight in the time zone; the last date is not part "
	    "of the period. within_seconds is the target for response times. "
	    "Percentiles are off by at most 1.6 %.",
	    NULL, COLUMNS(about_columns), .fill = fill_about },
};

/* What all sections share. */

struct zone *
report_open_zone(const char *name)
{
	struct buf why = BUF_INIT;
	struct zone *zone = zone_open(name, &why);

	if (zone == NULL)
		(void)prog_usage_error("--zone '%s': %s", name, buf_str(&why));
	buf_release(&why);
	return zone;
}

/* Without dates, chooses the last complete week. */
static void
choose_days(struct report *r)
{
	int64_t monday = calendar_week_begin(r->zone, r->request->now_ms);

	if (r->request->from != NULL) {
		(void)snprintf(
		    r->from_day, sizeof r->from_day, "%s", r->request->from);
		(void)snprintf(
		    r->to_day, sizeof r->to_day, "%s", r->request->to);
		return;
	}
	format_day(r, monday, r->to_day);
	format_day(r, calendar_week_begin(r->zone, monday - 1), r->from_day);
}

static int64_t
time_member(const json_t *row, const char *member)
{
	const char *text = text_of(row, member);
	int64_t ms;

	return clock_parse(text, strlen(text), &ms) == 0 ? ms : CLOCK_NONE;
}

/* The API determines the previous period. A period that has just begun is not
 * compared. */
static void
find_previous(struct report *r, const json_t *row)
{
	r->runs = r->request->now_ms > r->from && r->request->now_ms < r->to;
	r->before = r->before_to = r->from;
	if (row != NULL) {
		r->before = time_member(row, "begin_utc");
		r->before_to = time_member(row, "end_utc");
	}
	format_day(r, r->before, r->before_day);
	if (r->runs)
		format_time(r, r->before_to, r->before_end);
	else
		format_day(r, r->before_to, r->before_end);
}

/* Uses the API's default. */
static bool
choose_within(struct report *r)
{
	const char *within = r->request->within;
	json_t *answer = NULL;
	bool asks = within == NULL && r->judged;

	if (asks)
		answer = ask_span(r, "responses", "&by=total");
	if (json_is_integer(json_object_get(answer, "within_seconds")))
		(void)snprintf(r->within, sizeof r->within, "%.0f",
		    number_of(answer, "within_seconds"));
	else
		(void)snprintf(r->within, sizeof r->within, "%s",
		    within != NULL ? within : WITHIN_S);
	json_decref(answer);
	return !asks || answer != NULL;
}

static bool
read_totals(struct report *r)
{
	static const char *const kinds[] = { "response", "first_response",
		"resolution", "unanswered" };
	json_t *answer, *rows;
	size_t i;

	r->kinds = json_object();
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		answer =
		    ask_responses(r, "total", kinds[i], "&compare=previous");
		if (answer == NULL)
			return false;
		rows = json_object_get(answer, "rows");
		json_object_set(r->kinds, kinds[i], rows);
		if (i == 0) {
			r->totals = json_incref(answer);
			r->work = strcmp(text_of(answer, "clock"), "work") == 0;
			r->from =
			    time_member(json_array_get(rows, 0), "begin_utc");
			r->to = time_member(json_array_get(rows, 0), "end_utc");
			find_previous(r, json_array_get(rows, 1));
		}
		json_decref(answer);
	}
	return true;
}

static bool
read_names(struct report *r)
{
	struct db_rows *rows = NULL;

	r->names = json_object();
	r->channel_names = json_object();
	if (!query(r,
		"SELECT kind = 'channel', id, name FROM names "
		"WHERE tenant = ? AND kind IN ('operator', 'channel') "
		"AND name IS NOT NULL",
		NULL, 0, &rows))
		return false;
	while (db_next(rows))
		json_object_set_new(
		    db_get_int(rows, 0) != 0 ? r->channel_names : r->names,
		    db_get(rows, 1), json_string(db_get(rows, 2)));
	db_rows_free(rows);
	return true;
}

static bool
read_not_kept(struct report *r)
{
	static const char *const metrics[] = { "intervals", "conversations",
		"channels", "views", "alerts", "trends" };
	struct question q = question_of(r);
	struct kept_lacking *l = &r->not_kept;
	bool good = true;
	size_t i;

	for (i = 0; good && i < ARRAY_LEN(metrics); i++)
		good = kept_find_if_empty(&q, true, metrics[i], l);
	if (good)
		return true;
	r->code = by_hand_explain(&r->answer, r->db, "what is kept");
	return false;
}

static bool
read_complete_kind(struct report *r, const char *kind, struct report_kind *k)
{
	struct question q = question_of(r);
	int64_t now = r->request->now_ms;

	if (!completeness_read(&q, kind, &k->of)) {
		r->code =
		    by_hand_explain(&r->answer, r->db, "what is complete");
		return false;
	}
	k->is = complete_state(&k->of, r->from, r->to, now);
	k->was = complete_state(&k->of, r->before, r->before_to, now);
	return true;
}

/* Hours from before the first poll, and that of it, have all of their messages
 * once the sink has added up the imported ones (rollup/sums_due.h). */
static bool
read_channels_complete(struct report *r)
{
	const struct db_value args[] = { db_time(r->from), db_time(r->to),
		db_str(r->request->viewer->tenant) };
	struct db_rows *rows = NULL;

	r->channels = r->chats;
	if (!query(r,
		"SELECT 1 FROM sums_due WHERE tenant = ? AND `hour` >= ? "
		"AND `hour` < ? AND `hour` <= (SELECT MIN(begin_at) "
		"FROM coverage WHERE tenant = ? AND kind = 'chats' "
		"AND source <> 'backfill') LIMIT 1",
		args, ARRAY_LEN(args), &rows))
		return false;
	if (db_rows_count(rows) > 0)
		r->channels.is = COMPLETE_NOT;
	db_rows_free(rows);
	return true;
}

static bool
read_complete(struct report *r)
{
	return read_complete_kind(r, COMPLETE_CHATS, &r->chats) &&
	       read_complete_kind(r, COMPLETE_COUNTS, &r->counts) &&
	       read_channels_complete(r);
}

static bool
begin_report(struct report *r)
{
	r->terms = viewer_terms(r->request->viewer);
	r->judged = r->terms != NULL && terms_version(r->terms) != 0;
	r->zone_name = r->request->zone != NULL ? r->request->zone
		       : r->terms != NULL       ? terms_zone_name(r->terms)
						: "UTC";
	r->zone = report_open_zone(r->zone_name);
	if (r->zone == NULL) {
		r->code = PROG_USAGE;
		return false;
	}
	choose_days(r);
	return choose_within(r) && read_totals(r) && read_names(r) &&
	       read_not_kept(r) && read_complete(r);
}

/* The page's first lines. */

/* Adds "This period is incomplete: figures are complete since Mon 2026-11-16
 * 14:15. " */
static void
add_incomplete(const struct report *r, const char *what,
    const struct report_kind *k, struct buf *to)
{
	int64_t since = completeness_since(&k->of);
	char text[CALENDAR_TEXT];

	buf_addf(to, "%s: ", what);
	if (since == CLOCK_NONE) {
		buf_adds(to, "there are no records. ");
		return;
	}
	format_time(r, since, text);
	buf_addf(to, "%s %s. ",
	    k->of.stated ? "figures are complete since" : "records begin at",
	    text);
}

/* Adds "Median first response 1m47s, 6 % faster than in the previous period
 * (1m54s). " Adds nothing if there are no first responses. */
static void
add_verdict(const struct report *r, struct buf *to)
{
	const json_t *rows = json_object_get(r->kinds, "first_response");
	double is = number_of(json_array_get(rows, 0), "median_seconds");
	double was = number_of(json_array_get(rows, 1), "median_seconds");
	double percent;

	if (r->chats.is == COMPLETE_NOT)
		add_incomplete(r, "This period is incomplete", &r->chats, to);
	else if (r->chats.was == COMPLETE_NOT)
		add_incomplete(
		    r, "The previous period is incomplete", &r->chats, to);
	if (!compares(&r->chats))
		was = 0;
	percent = was > 0 ? 100 * (is - was) / was : 0;
	if (is <= 0)
		return;
	buf_adds(to, "Median first response ");
	figure_duration(to, is);
	if (was > 0) {
		if (fabs(percent) < 0.5)
			buf_adds(to, ", the same as in the previous period (");
		else
			buf_addf(to,
			    ", %.0f %% %s than in the previous period (",
			    fabs(percent), percent > 0 ? "slower" : "faster");
		figure_duration(to, was);
		buf_addc(to, ')');
	}
	buf_adds(to, ". ");
}

/* Returns the row of that channel in the previous period; NULL: none. */
static const json_t *
row_before(const json_t *rows, const char *channel)
{
	const json_t *row;
	size_t i;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if (strcmp(text_of(row, "span"), "previous") == 0 &&
		    strcmp(text_of(row, "channel"), channel) == 0)
			return row;
	}
	return NULL;
}

/* Adds "On whatsapp it rose from 1m10s to 3m24s. " Among the channels that
 * became at least 10 % slower, it names the one with the largest total of
 * additional waiting. */
static bool
add_slower_channel(struct report *r, struct buf *to)
{
	json_t *rows = ask_rows(r, "responses",
	    "&by=total&kind=first_response&group=channel&compare=previous");
	const json_t *row, *worst = NULL;
	double is, was, cost, most = 0, rose_from = 0;
	size_t i;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if (strcmp(text_of(row, "span"), "asked") != 0 ||
		    *text_of(row, "channel") == '\0')
			continue;
		is = number_of(row, "median_seconds");
		was = number_of(row_before(rows, text_of(row, "channel")),
		    "median_seconds");
		cost = number_of(row, "count") * (is - was);
		if (was <= 0 || is < 1.1 * was || cost <= most)
			continue;
		most = cost;
		worst = row;
		rose_from = was;
	}
	if (worst != NULL) {
		buf_addf(to, "On %s, it rose from ",
		    channel_name_of(r, text_of(worst, "channel")));
		figure_duration(to, rose_from);
		buf_adds(to, " to ");
		figure_duration(to, number_of(worst, "median_seconds"));
		buf_adds(to, ". ");
	}
	json_decref(rows);
	return rows != NULL;
}

static void
add_previous(const struct report *r, struct buf *to)
{
	char last[CALENDAR_TEXT];

	buf_adds(to, "Previous period: ");
	figure_period(to, r->before_day);
	if (r->runs) {
		buf_addf(to,
		    " until %s, because the current period is not over.",
		    r->before_end);
		return;
	}
	format_day(r, r->before_to - 1, last);
	buf_adds(to, " to ");
	figure_period(to, last);
	buf_addc(to, '.');
}

/* Adds by which clock times are measured. */
static void
add_clock(const struct report *r, struct buf *to)
{
	const struct terms *t;

	if (!r->judged || !terms_have_hours(r->terms))
		return;
	t = terms_of_channel(r->terms, (struct text){ NULL, 0 });
	if (r->work && t->hours != NULL)
		buf_addf(to,
		    "Times are work time in the hours “%s”, version %s. ",
		    hours_name(t->hours), terms_version_text(r->terms));
	else
		buf_adds(to, "Times are calendar time. ");
}

/* Names the last day of the period, as people expect. */
static bool
begin_page(struct report *r, struct buf *to)
{
	struct buf title = BUF_INIT, verdict = BUF_INIT, subtitle = BUF_INIT;
	char last[CALENDAR_TEXT];
	bool good;

	format_day(r, r->to - 1, last);
	buf_addf(&title, "%s: response times, ", r->request->viewer->tenant);
	figure_period(&title, r->from_day);
	buf_adds(&title, " to ");
	figure_period(&title, last);
	add_verdict(r, &verdict);
	good = !compares(&r->chats) || add_slower_channel(r, &verdict);
	buf_addf(&subtitle, "Times are in the zone %s. ", r->zone_name);
	add_clock(r, &subtitle);
	add_previous(r, &subtitle);
	buf_adds(&subtitle, " Target: ");
	figure_duration(&subtitle, strtod(r->within, NULL));
	buf_addc(&subtitle, '.');
	if (r->not_kept.n > 0) {
		buf_adds(&subtitle, " Nothing is stored yet for: ");
		kept_add_lacking(&r->not_kept, &subtitle);
		buf_addc(&subtitle, '.');
	}
	page_begin(to, buf_str(&title), buf_str(&verdict), buf_str(&subtitle));
	buf_release(&title);
	buf_release(&verdict);
	buf_release(&subtitle);
	return good;
}

/* The two forms. A line of CSV begins with the name of its section, so that
 * grep can select a section; sections are separated by empty lines. */

/* Adds the reason why the table is missing; nothing if there is a table. */
static void
add_reason(const struct report *r, const struct section *s, struct buf *to)
{
	if (s->fill == fill_week && !has_week(r))
		buf_adds(to,
		    "The hours of the week are not computed for periods of "
		    "more than ten years.");
	else if (s->metric != NULL && kept_lacks(&r->not_kept, s->metric))
		buf_addf(to,
		    "Nothing is stored yet: nothing happened, or the metric is "
		    "not enabled. To enable it, add %s to metrics of "
		    "[aggregator] in messaging.conf; see messaging-report(7).",
		    s->metric);
}

/* Returns how complete the figures of the section are; NULL: it shows none. */
static const struct report_kind *
kind_of(const struct report *r, const struct section *s)
{
	return s->columns == about_columns     ? NULL
	       : s->columns == channel_columns ? &r->channels
	       : s->counts                     ? &r->counts
					       : &r->chats;
}

static void
write_html(const struct report *r, struct buf *to, const struct section *s,
    const struct figure_table *t, const struct buf *reason)
{
	const struct report_kind *k = kind_of(r, s);
	struct buf note = BUF_INIT;

	if (reason->len == 0 && k != NULL && k->is == COMPLETE_NOT)
		add_incomplete(r, "Incomplete", k, &note);
	if (reason->len > 0)
		buf_adds(&note, buf_str(reason));
	else if (s->note != NULL)
		buf_adds(&note, s->note);
	page_part_begin(
	    to, s->name, s->title, note.len > 0 ? buf_str(&note) : NULL);
	buf_release(&note);
	if (s->draw != NULL && figure_rows(t) > 0)
		s->draw(t, to);
	if (reason->len == 0)
		page_table(to, t, s->ends);
	page_part_end(to);
}

/* Replaces line breaks with spaces, so that each line is a complete row. */
static void
write_csv_cell(
    struct buf *to, const struct figure_table *t, size_t row, size_t column)
{
	enum figure_unit unit = figure_unit_at(t, row, column);
	const char *text = figure_at(t, row, column);
	struct buf cell = BUF_INIT;
	size_t i;

	buf_addc(to, ',');
	if (text != NULL)
		output_csv_cell(
		    &cell, text, unit >= FIGURE_COUNT && unit <= FIGURE_CHANGE);
	for (i = 0; i < cell.len; i++)
		buf_addc(to,
		    strchr("\r\n", cell.data[i]) != NULL ? ' ' : cell.data[i]);
	buf_release(&cell);
}

/* A table without a column "complete" gets it here. */
static void
write_csv(const struct report *r, struct buf *to, const struct section *s,
    const struct figure_table *t)
{
	static const char *const words[] = { [COMPLETE_NOT] =
						 FIGURE_COMPLETE_NOT,
		[COMPLETE_YES] = "yes",
		[COMPLETE_UNKNOWN] = "" };
	const char *last = t->columns[t->columns_n - 1].name;
	const struct report_kind *k =
	    strcmp(last, "complete") != 0 ? kind_of(r, s) : NULL;
	size_t row, c;

	if (s != &sections[0])
		buf_adds(to, "\r\n");
	buf_adds(to, s->name);
	for (c = 0; c < t->columns_n; c++)
		buf_addf(to, ",%s", t->columns[c].name);
	buf_adds(to, k != NULL ? ",complete\r\n" : "\r\n");
	for (row = 0; row < figure_rows(t); row++) {
		buf_adds(to, s->name);
		for (c = 0; c < t->columns_n; c++)
			write_csv_cell(to, t, row, c);
		if (k != NULL)
			buf_addf(to, ",%s", words[k->is]);
		buf_adds(to, "\r\n");
	}
}

static bool
write_section(struct report *r, const struct section *s, struct buf *to)
{
	const struct db_value span[] = { db_time(r->from), db_time(r->to) };
	struct figure_table t = { .columns = s->columns,
		.columns_n = s->columns_n };
	struct buf reason = BUF_INIT;
	bool good = true;

	add_reason(r, s, &reason);
	if (reason.len == 0)
		good = s->sql != NULL ? fill_by_sql(r, &t, s->sql, span, 2)
				      : s->fill(r, &t);
	if (good && r->request->form == REPORT_HTML)
		write_html(r, to, s, &t, &reason);
	else if (good)
		write_csv(r, to, s, &t);
	figure_release(&t);
	buf_release(&reason);
	return good;
}

enum exit_code
report_write(
    const struct report_request *request, struct db *db, struct buf *to)
{
	struct report r = { .request = request, .db = db };
	bool html = request->form == REPORT_HTML;
	bool good = begin_report(&r) && (!html || begin_page(&r, to));
	size_t i;

	if (request->bom)
		buf_adds(to, OUTPUT_CSV_BOM);
	for (i = 0; good && i < ARRAY_LEN(sections); i++)
		if (r.judged || !sections[i].judged)
			good = write_section(&r, &sections[i], to);
	if (html)
		page_end(to);
	zone_close(r.zone);
	completeness_release(&r.chats.of);
	completeness_release(&r.counts.of);
	json_decref(r.totals);
	json_decref(r.kinds);
	json_decref(r.names);
	json_decref(r.channel_names);
	buf_release(&r.answer.body);
	buf_release(&r.answer.headers);
	return r.code;
}
