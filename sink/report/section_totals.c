/*
 * section_totals: the period as a whole, beside the previous one; and what the
 * report is about.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
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
	{ "value", "This period", FIGURE_OF_ROW },
	{ "before", "Previous period", FIGURE_OF_ROW },
	{ "change", "Change", FIGURE_CHANGE },
};

/* From /api/v1/responses, by kind and member. */
static const struct {
	const char *kind, *member, *name, *title;
	enum figure_unit unit;
} response_totals[] = {
	{ "response", "count", "responses", "Responses", FIGURE_COUNT },
	{ "response", "avg_seconds", "response_avg", "Response time, average",
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
	struct buf names = BUF_INIT;

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
	figure_add(t, "before_to");
	figure_add(t, r->before_end);
	figure_add(t, "within_seconds");
	figure_add(t, r->request->within);
	figure_add(t, "as_of");
	report_add(t, r->totals, "as_of");
	figure_add(t, "version");
	figure_add_int(t, version != NULL && json_is_integer(version)
			      ? json_integer_value(version)
			      : INT64_MIN);
	figure_add(t, "not_kept");
	kept_add_lacking(&r->not_kept, &names);
	figure_add(t, names.data);
	figure_add(t, "cut_hour_lacks");
	figure_add(t, r->cut_hour_lacks ? "intervals" : NULL);
	buf_release(&names);
	return true;
}

/* Of the two cells before it: relative to the previous period, but of a share
 * the difference. */
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

/* Adds how many rows there are in the period and in the previous one, by their
 * column of that name: read once, because no index has it. Before the tenant,
 * which question_ask() puts into the first ?, times are text. */
static bool
ask_count(struct report_work *r, const char *column, const char *rows_of,
    int64_t counts[2])
{
	const struct db_value args[] = { db_time(r->before), db_time(r->to) };
	char from[CLOCK_TEXT], before_to[CLOCK_TEXT];
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	bool good;

	(void)clock_format_sql(r->from, from);
	(void)clock_format_sql(r->before_to, before_to);
	buf_addf(&sql,
	    "SELECT COALESCE(SUM(%s >= '%s'), 0), COALESCE(SUM(%s < '%s'), 0) "
	    "FROM %s WHERE tenant = ? AND %s >= ? AND %s < ?",
	    column, from, column, before_to, rows_of, column, column);
	good = report_query(r, buf_str(&sql), args, 2, &rows);
	buf_release(&sql);
	if (good && db_next(rows)) {
		counts[0] += db_get_int(rows, 0);
		counts[1] += db_get_int(rows, 1);
	}
	db_rows_free(rows);
	return good;
}

/* What is not kept is not 0. */
static void
add_count(struct figure_table *t, const char *name, const char *title,
    const int64_t counts[2], bool kept)
{
	begin_total(t, name, title, FIGURE_COUNT);
	figure_add_int(t, kept ? counts[0] : INT64_MIN);
	figure_add_int(t, kept ? counts[1] : INT64_MIN);
	add_total_change(t);
}

/* As conversation_metrics_all has them; that view would group all of them
 * first, which takes minutes for a million. */
static bool
ask_conversations(struct report_work *r, struct figure_table *t)
{
	int64_t counts[2] = { 0, 0 };

	if (!ask_count(r, "created_at", "conversation_metrics", counts) ||
	    !ask_count(r, "created_at",
		"(SELECT p.tenant AS tenant, MIN(p.created_at) AS created_at "
		"FROM conversation_metrics_parts p WHERE NOT EXISTS "
		"(SELECT 1 FROM conversation_metrics m "
		"WHERE m.tenant = p.tenant "
		"AND m.conversation_id = p.conversation_id) "
		"GROUP BY p.tenant, p.conversation_id) parts",
		counts))
		return false;
	add_count(t, "conversations", "Conversations begun", counts,
	    !kept_lacks(&r->not_kept, "conversations"));
	return true;
}

static bool
ask_alerts(struct report_work *r, struct figure_table *t)
{
	int64_t counts[2] = { 0, 0 };

	if (!ask_count(r, "started_at",
		"(SELECT * FROM alerts_all WHERE messages > 0) alerts", counts))
		return false;
	add_count(t, "alerts", "Alerts: somebody wrote too much", counts,
	    !kept_lacks(&r->not_kept, "alerts"));
	return true;
}

static bool
fill_totals(struct report_work *r, struct figure_table *t)
{
	void *kind;

	add_responses(t, json_object_get(r->totals, "rows"), "response");
	for (kind = json_object_iter(r->kinds); kind != NULL;
	     kind = json_object_iter_next(r->kinds, kind))
		add_responses(t, json_object_iter_value(kind),
		    json_object_iter_key(kind));
	return ask_conversations(r, t) && ask_alerts(r, t);
}

const struct section section_about = {
	.name = "about",
	.title = "About this report",
	.note = "A date is its beginning in the zone; the last one does not "
		"belong to the period. The limit of response times is "
		"within_seconds. Percentiles are off by at most 1.6 %.",
	.columns = about_columns,
	.columns_n = ARRAY_LEN(about_columns),
	.fill = fill_about,
};

const struct section section_totals = {
	.name = "totals",
	.title = "Totals",
	.note = "Change is relative to the previous period; of shares it is in "
		"percentage points (pp).",
	.columns = total_columns,
	.columns_n = ARRAY_LEN(total_columns),
	.is_long = true,
	.fill = fill_totals,
};
