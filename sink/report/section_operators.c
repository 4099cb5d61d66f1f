/*
 * section_operators: response times of each operator, those with the most
 * responses first, and those of the previous period.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "sink/page/chart.h"
#include "sink/report/section.h"

/* Bars of the chart; the table has all. */
#define BARS_MAX 30

static const struct figure_column operator_columns[] = {
	{ "operator", "Id", FIGURE_KEY },
	{ "name", "Operator", FIGURE_TEXT },
	{ "count", "Responses", FIGURE_COUNT },
	{ "avg_seconds", "Average", FIGURE_SECONDS },
	{ "median_seconds", "Median", FIGURE_SECONDS },
	{ "p90_seconds", "P90", FIGURE_SECONDS },
	{ "max_seconds", "Longest", FIGURE_SECONDS },
	{ "within", "Within the limit", FIGURE_SHARE },
	{ "count_before", "Previous responses", FIGURE_COUNT },
	{ "median_seconds_before", "Previous median", FIGURE_SECONDS },
};

static const char *
operator_id_of(const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "operator"));

	return id != NULL ? id : "";
}

static bool
is_before(const json_t *row)
{
	return strcmp(json_string_value(json_object_get(row, "span")),
		   "previous") == 0;
}

static int
compare_operators(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	double more = report_number(*y, "count") - report_number(*x, "count");

	if (more > 0 || more < 0)
		return more > 0 ? 1 : -1;
	return strcmp(operator_id_of(*x), operator_id_of(*y));
}

/* before: the rows of the previous period, by operator. */
static void
add_operator_row(const struct report_work *r, struct figure_table *t,
    const json_t *before, const json_t *row)
{
	size_t i;

	figure_add(t, operator_id_of(row));
	figure_add(t, report_operator(r, operator_id_of(row)));
	for (i = 2; i < 8; i++)
		report_add(t, row, operator_columns[i].name);
	before = json_object_get(before, operator_id_of(row));
	report_add(t, before, "count");
	report_add(t, before, "median_seconds");
}

static bool
fill_operators(struct report_work *r, struct figure_table *t)
{
	struct buf more = BUF_INIT;
	json_t *rows, *row, *before = json_object();
	const json_t **list;
	size_t i, n = 0;

	buf_addf(&more,
	    "&by=total&group=operator&compare=previous&within_seconds=%s",
	    r->request->within);
	rows = report_ask(r, "responses", buf_str(&more));
	buf_release(&more);
	list = xcalloc(json_array_size(rows) + 1, sizeof *list);
	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if (is_before(row))
			json_object_set(before, operator_id_of(row), row);
		else
			list[n++] = row;
	}
	qsort(list, n, sizeof *list, compare_operators);
	for (i = 0; i < n; i++)
		add_operator_row(r, t, before, list[i]);
	free(list);
	json_decref(before);
	json_decref(rows);
	return rows != NULL;
}

static void
draw_operators(const struct figure_table *t, struct buf *to)
{
	struct chart_point points[BARS_MAX];
	size_t i, n = figure_rows(t);

	n = n < BARS_MAX ? n : BARS_MAX;
	for (i = 0; i < n; i++) {
		points[i].label = figure_at(t, i, 1);
		points[i].values[0] = figure_value(t, i, 4);
	}
	chart_bars(to, "Median response time by operator", points, n);
}

const struct section section_operators = {
	.name = "operators",
	.title = "Operators",
	.note = "Those with the most responses first; the picture shows "
		"medians.",
	.metric = "histograms",
	.columns = operator_columns,
	.columns_n = ARRAY_LEN(operator_columns),
	.fill = fill_operators,
	.draw = draw_operators,
};
