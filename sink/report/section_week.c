/*
 * section_week: responses by hour of the week: how many, and how long they
 * took.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/page/chart.h"
#include "sink/report/section.h"
#include "sink/responses/responses.h"

/* Columns: the hour, then the days' counts, then their medians. */
#define COUNTS 1

static const struct figure_column week_columns[] = {
	{ "hour", "Hour", FIGURE_TEXT },
	{ "mon_count", "Mon", FIGURE_COUNT },
	{ "tue_count", "Tue", FIGURE_COUNT },
	{ "wed_count", "Wed", FIGURE_COUNT },
	{ "thu_count", "Thu", FIGURE_COUNT },
	{ "fri_count", "Fri", FIGURE_COUNT },
	{ "sat_count", "Sat", FIGURE_COUNT },
	{ "sun_count", "Sun", FIGURE_COUNT },
	{ "mon_median_seconds", "Mon median", FIGURE_SECONDS },
	{ "tue_median_seconds", "Tue median", FIGURE_SECONDS },
	{ "wed_median_seconds", "Wed median", FIGURE_SECONDS },
	{ "thu_median_seconds", "Thu median", FIGURE_SECONDS },
	{ "fri_median_seconds", "Fri median", FIGURE_SECONDS },
	{ "sat_median_seconds", "Sat median", FIGURE_SECONDS },
	{ "sun_median_seconds", "Sun median", FIGURE_SECONDS },
};

/* The API's rows are the hours from Monday on. */
static void
add_hour_row(struct figure_table *t, const json_t *rows, size_t hour)
{
	static const char *const members[] = { "count", "median_seconds" };
	struct buf text = BUF_INIT;
	size_t m, day;

	buf_addf(&text, "%02zu:00", hour);
	figure_add(t, buf_str(&text));
	buf_release(&text);
	for (m = 0; m < ARRAY_LEN(members); m++) {
		for (day = 0; day < CHART_DAYS; day++)
			report_add(t,
			    json_array_get(rows, day * CHART_HOURS + hour),
			    members[m]);
	}
}

static const char *
leave_out_week(const struct report_work *r)
{
	return r->to - r->from > HEATMAP_DAYS_MAX * DAY_MS
		   ? "The hours of the week are not computed for a span of "
		     "more than ten years."
		   : NULL;
}

static bool
fill_week(struct report_work *r, struct figure_table *t)
{
	json_t *rows = report_ask(r, "heatmap", "");
	size_t hour;

	for (hour = 0; rows != NULL && hour < CHART_HOURS; hour++)
		add_hour_row(t, rows, hour);
	json_decref(rows);
	return rows != NULL;
}

static void
draw_week(const struct figure_table *t, struct buf *to)
{
	double counts[CHART_DAYS][CHART_HOURS];
	size_t day, hour;

	for (day = 0; day < CHART_DAYS; day++) {
		for (hour = 0; hour < CHART_HOURS; hour++)
			counts[day][hour] = figure_value(t, hour, COUNTS + day);
	}
	chart_week(to, "Responses by hour of the week", counts);
}

const struct section section_week = {
	.name = "week",
	.title = "Hours of the week",
	.note = "Responses, and how long the median one took, by the clock in "
		"the zone.",
	.metric = "histograms",
	.columns = week_columns,
	.columns_n = ARRAY_LEN(week_columns),
	.leave_out = leave_out_week,
	.fill = fill_week,
	.draw = draw_week,
};
