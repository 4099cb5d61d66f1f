/*
 * section_days: response times over the span, and what was resolved: by hour,
 * day, week or month, whichever gives a table that a person still reads.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/page/chart.h"
#include "sink/report/section.h"

/* Up to so many days have a row for each hour, day and week. */
#define DAYS_BY_HOUR 2
#define DAYS_BY_DAY 62
#define DAYS_BY_WEEK 400

static const struct figure_column day_columns[] = {
	{ "begin", "Begin", FIGURE_PERIOD },
	{ "count", "Responses", FIGURE_COUNT },
	{ "avg_seconds", "Average", FIGURE_SECONDS },
	{ "median_seconds", "Median", FIGURE_SECONDS },
	{ "p90_seconds", "P90", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
	{ "within", "Within the limit", FIGURE_SHARE },
};

static const struct figure_column resolved_columns[] = {
	{ "begin", "Begin", FIGURE_PERIOD },
	{ "resolutions", "Resolutions", FIGURE_COUNT },
	{ "avg_seconds", "Average time", FIGURE_SECONDS },
	{ "median_seconds", "Median time", FIGURE_SECONDS },
	{ "unanswered", "Closed while a customer waited", FIGURE_COUNT },
};

static const char *
period_of(const struct report_work *r)
{
	int64_t days =
	    calendar_day(r->zone, r->to) - calendar_day(r->zone, r->from);

	if (days <= DAYS_BY_HOUR)
		return "hour";
	if (days <= DAYS_BY_DAY)
		return "day";
	return days <= DAYS_BY_WEEK ? "week" : "month";
}

static json_t *
ask_periods(struct report_work *r, const char *kind)
{
	struct buf more = BUF_INIT;
	json_t *rows;

	buf_addf(&more, "&by=%s&within_seconds=%s&kind=%s", period_of(r),
	    r->request->within, kind);
	rows = report_ask(r, "responses", buf_str(&more));
	buf_release(&more);
	return rows;
}

/* The date, of an hour with its time, too: so many characters. */
#define PERIOD_NAME strlen("2026-11-20 10:00")

static const char *
begin_of(const json_t *rows, size_t i)
{
	const char *begin = json_string_value(
	    json_object_get(json_array_get(rows, i), "begin"));

	return begin != NULL ? begin : "";
}

/* Where clocks go back an hour has the name of the next one, or of the one
 * before. */
static bool
is_hour_twice(const json_t *rows, size_t i)
{
	const char *begin = begin_of(rows, i);

	return strncmp(begin, begin_of(rows, i + 1), PERIOD_NAME) == 0 ||
	       (i > 0 &&
		   strncmp(begin, begin_of(rows, i - 1), PERIOD_NAME) == 0);
}

static void
add_period_cell(const struct report_work *r, struct figure_table *t,
    const json_t *rows, size_t i)
{
	const char *begin = begin_of(rows, i), *offset;
	bool hour = strcmp(period_of(r), "hour") == 0;
	struct buf name = BUF_INIT;

	if (!hour) {
		buf_add(&name, begin, strlen(REPORT_DAY));
	} else {
		buf_add(&name, begin, PERIOD_NAME);
		name.data[strlen(REPORT_DAY)] = ' ';
		offset = strpbrk(begin + PERIOD_NAME, "+-Z");
		if (offset != NULL && is_hour_twice(rows, i))
			buf_addf(&name, " %s", offset);
	}
	figure_add(t, buf_str(&name));
	buf_release(&name);
}

static bool
fill_days(struct report_work *r, struct figure_table *t)
{
	json_t *rows = ask_periods(r, "response");
	const json_t *row;
	size_t i;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		add_period_cell(r, t, rows, i);
		report_add_from(t, row, 1);
	}
	json_decref(rows);
	return rows != NULL;
}

/* The two answers have the same periods. */
static bool
fill_resolved(struct report_work *r, struct figure_table *t)
{
	json_t *resolved = ask_periods(r, "resolution"), *unanswered = NULL;
	const json_t *row;
	size_t i;

	if (resolved != NULL)
		unanswered = ask_periods(r, "unanswered");
	for (i = 0; i < json_array_size(unanswered); i++) {
		row = json_array_get(resolved, i);
		add_period_cell(r, t, resolved, i);
		report_add(t, row, "count");
		report_add(t, row, "avg_seconds");
		report_add(t, row, "median_seconds");
		report_add(t, json_array_get(unanswered, i), "count");
	}
	json_decref(resolved);
	json_decref(unanswered);
	return unanswered != NULL;
}

/* Whether so many first characters are the same in each row. */
static bool
begin_alike(const struct figure_table *t, size_t len)
{
	size_t i, n = figure_rows(t);

	for (i = 1; i < n; i++) {
		if (strncmp(figure_at(t, 0, 0), figure_at(t, i, 0), len) != 0)
			return false;
	}
	return true;
}

/* How much of their names periods share, and the picture leaves out: the year,
 * of hours the day. */
static size_t
shared_length(const struct figure_table *t)
{
	bool hours = strlen(figure_at(t, 0, 0)) > strlen(REPORT_DAY);

	if (hours && begin_alike(t, strlen(REPORT_DAY)))
		return strlen(REPORT_DAY) + 1;
	return begin_alike(t, strlen("2026-")) ? strlen("2026-") : 0;
}

static void
draw_days(const struct figure_table *t, struct buf *to)
{
	static const char *const titles[] = { "median", "P90" };
	size_t i, n = figure_rows(t);
	size_t shared = shared_length(t);
	struct chart_point *points = xcalloc(n, sizeof *points);

	for (i = 0; i < n; i++) {
		points[i].label = figure_at(t, i, 0) + shared;
		points[i].values[0] = figure_value(t, i, 3);
		points[i].values[1] = figure_value(t, i, 4);
	}
	chart_curves(to, "Response times over the span", titles, 2, points, n);
	free(points);
}

const struct section section_days = {
	.name = "days",
	.title = "Response times over the span",
	.note = "Half of the responses took no longer than the median, 90 of "
		"100 no longer than P90.",
	.metric = "histograms",
	.columns = day_columns,
	.columns_n = ARRAY_LEN(day_columns),
	.fill = fill_days,
	.draw = draw_days,
};

const struct section section_resolved = {
	.name = "resolved",
	.title = "Resolutions",
	.note = "From the first message of an episode to its closing.",
	.metric = "histograms",
	.columns = resolved_columns,
	.columns_n = ARRAY_LEN(resolved_columns),
	.fill = fill_resolved,
};
