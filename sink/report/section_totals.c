/*
 * section_totals: the span as a whole, the span before beside it; and what the
 * report is about.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/report/section.h"

static const struct figure_column about_columns[] = {
	{ "what", "What", FIGURE_TEXT },
	{ "value", "Value", FIGURE_TEXT },
};

static const struct figure_column total_columns[] = {
	{ "figure", "Figure", FIGURE_KEY },
	{ "title", "Figure", FIGURE_TEXT },
	{ "unit", "Unit", FIGURE_UNIT },
	{ "value", "This span", FIGURE_OF_ROW },
	{ "before", "Span before", FIGURE_OF_ROW },
	{ "change", "Change", FIGURE_CHANGE },
};

/* From /api/v1/responses, by kind and member. */
static const struct {
	const char *kind, *member, *name, *title;
	enum figure_unit unit;
} response_totals[] = {
	{ "response", "count", "responses", "Responses", FIGURE_COUNT },
	{ "response", "avg_seconds", "response_avg", "Response time, mean",
	    FIGURE_SECONDS },
	{ "response", "median_seconds", "response_median",
	    "Response time, median", FIGURE_SECONDS },
	{ "response", "p90_seconds", "response_p90", "Response time, P90",
	    FIGURE_SECONDS },
	{ "response", "max_seconds", "response_max", "Response time, longest",
	    FIGURE_SECONDS },
	{ "response", "within", "response_within", "Answered within the limit",
	    FIGURE_SHARE },
	{ "first_response", "count", "first_responses", "First responses",
	    FIGURE_COUNT },
	{ "first_response", "median_seconds", "first_response_median",
	    "First response, median", FIGURE_SECONDS },
	{ "resolution", "count", "resolutions", "Resolutions", FIGURE_COUNT },
	{ "resolution", "median_seconds", "resolution_median",
	    "Time to resolution, median", FIGURE_SECONDS },
	{ "unanswered", "count", "unanswered", "Closed while a customer waited",
	    FIGURE_COUNT },
};

static bool
fill_about(struct report_work *r, struct figure_table *t)
{
	const json_t *version = json_object_get(r->totals, "version");

	figure_add(t, "tenant");
	figure_add(t, r->request->viewer->tenant);
	figure_add(t, "from");
	figure_add(t, r->from_day);
	figure_add(t, "to");
	figure_add(t, r->to_day);
	figure_add(t, "zone");
	figure_add(t, r->zone_name);
	figure_add(t, "before_from");
	figure_add(t, r->before_day);
	figure_add(t, "within_seconds");
	figure_add(t, r->request->within);
	figure_add(t, "as_of");
	report_add(t, r->totals, "as_of");
	figure_add(t, "version");
	figure_add_int(t, version != NULL && json_is_integer(version)
			      ? json_integer_value(version)
			      : INT64_MIN);
	return true;
}

/* Of the two cells before it. */
static void
add_total_change(struct figure_table *t)
{
	size_t row = figure_rows(t);
	double now = figure_value(t, row, 3), then = figure_value(t, row, 4);
	char text[32];

	if (isnan(now) || isnan(then) || fabs(then) < 1e-9) {
		figure_add(t, NULL);
		return;
	}
	(void)snprintf(text, sizeof text, "%.4f", (now - then) / then);
	figure_add(t, text);
}

static void
begin_total(struct figure_table *t, const char *name, const char *title,
    enum figure_unit unit)
{
	figure_add(t, name);
	figure_add(t, title);
	figure_add(t, figure_unit_word(unit));
}

static void
add_responses(struct figure_table *t, const json_t *rows, const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(response_totals); i++) {
		if (strcmp(response_totals[i].kind, kind) != 0)
			continue;
		begin_total(t, response_totals[i].name,
		    response_totals[i].title, response_totals[i].unit);
		report_add(
		    t, json_array_get(rows, 0), response_totals[i].member);
		report_add(
		    t, json_array_get(rows, 1), response_totals[i].member);
		add_total_change(t);
	}
}

static bool
ask_kind(struct report_work *r, struct figure_table *t, const char *kind)
{
	struct buf more = BUF_INIT;
	json_t *rows;

	buf_addf(&more, "&by=total&compare=previous&kind=%s", kind);
	rows = report_ask(r, "responses", buf_str(&more));
	buf_release(&more);
	if (rows != NULL)
		add_responses(t, rows, kind);
	json_decref(rows);
	return rows != NULL;
}

/* How many rows of a statement, which has the place of from and to, there are
 * in the span and in the one before. */
static bool
ask_count(struct report_work *r, struct figure_table *t, const char *name,
    const char *title, const char *sql)
{
	const struct db_value spans[2][2] = {
		{ db_time(r->from), db_time(r->to) },
		{ db_time(r->before), db_time(r->from) },
	};
	struct db_rows *rows = NULL;
	size_t i;

	begin_total(t, name, title, FIGURE_COUNT);
	for (i = 0; i < ARRAY_LEN(spans); i++) {
		if (!report_query(r, sql, spans[i], 2, &rows))
			return false;
		(void)db_next(rows);
		figure_add(t, db_get(rows, 0));
		db_rows_free(rows);
	}
	add_total_change(t);
	return true;
}

static bool
fill_totals(struct report_work *r, struct figure_table *t)
{
	add_responses(t, json_object_get(r->totals, "rows"), "response");
	return ask_kind(r, t, "first_response") &&
	       ask_kind(r, t, "resolution") && ask_kind(r, t, "unanswered") &&
	       ask_count(r, t, "conversations", "Conversations begun",
		   "SELECT COUNT(*) FROM conversation_metrics_all "
		   "WHERE tenant = ? AND created_at >= ? AND created_at < ?") &&
	       ask_count(r, t, "alerts", "Alerts: somebody wrote too much",
		   "SELECT COUNT(*) FROM alerts_all WHERE tenant = ? "
		   "AND started_at >= ? AND started_at < ? AND messages > 0");
}

const struct section section_about = {
	.name = "about",
	.title = "About this report",
	.note = "A date is its beginning in the zone; the last one does not "
		"belong to the span. The limit of response times is "
		"within_seconds. Percentiles are off by at most 1.6 %.",
	.columns = about_columns,
	.columns_n = ARRAY_LEN(about_columns),
	.fill = fill_about,
};

const struct section section_totals = {
	.name = "totals",
	.title = "Totals",
	.note = "The change is a part of what it was before.",
	.columns = total_columns,
	.columns_n = ARRAY_LEN(total_columns),
	.fill = fill_totals,
};
