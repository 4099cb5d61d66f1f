/*
 * section_unusual: who wrote too much, and the words that were used more than
 * before.
 */
#include "common/base/xalloc.h"
#include "sink/report/section.h"

#define USERS_MAX "20"
#define WORDS_MAX "30"

static const struct figure_column alert_columns[] = {
	{ "user_id", "User", FIGURE_TEXT },
	{ "alerts", "Alerts", FIGURE_COUNT },
	{ "messages", "Messages in the worst", FIGURE_COUNT },
	{ "first", "First", FIGURE_TEXT },
	{ "last", "Last", FIGURE_TEXT },
};

static const struct figure_column word_columns[] = {
	{ "word", "Word", FIGURE_TEXT },
	{ "occurrences", "Messages with it", FIGURE_COUNT },
	{ "windows", "Times it was a trend", FIGURE_COUNT },
	{ "first", "First", FIGURE_TEXT },
};

static bool
fill_alerts(struct report_work *r, struct figure_table *t)
{
	const struct db_value args[] = { db_time(r->from), db_time(r->to) };
	struct db_rows *rows = NULL;

	if (!report_query(r,
		"SELECT user_id, COUNT(*), MAX(messages), MIN(started_at), "
		"MAX(started_at) FROM alerts_all WHERE tenant = ? "
		"AND started_at >= ? AND started_at < ? AND messages > 0 "
		"GROUP BY user_id ORDER BY 2 DESC, 3 DESC, 1 LIMIT " USERS_MAX,
		args, 2, &rows))
		return false;
	while (db_next(rows)) {
		figure_add(t, db_get(rows, 0));
		figure_add(t, db_get(rows, 1));
		figure_add(t, db_get(rows, 2));
		report_add_time(r, t, db_get_time(rows, 3));
		report_add_time(r, t, db_get_time(rows, 4));
	}
	db_rows_free(rows);
	return true;
}

static bool
fill_words(struct report_work *r, struct figure_table *t)
{
	const struct db_value args[] = { db_time(r->from), db_time(r->to) };
	struct db_rows *rows = NULL;

	if (!report_query(r,
		"SELECT word, SUM(occurrences), COUNT(*), MIN(window_start) "
		"FROM trends_all WHERE tenant = ? AND window_start >= ? "
		"AND window_start < ? AND occurrences > 0 GROUP BY word "
		"ORDER BY 2 DESC, 1 LIMIT " WORDS_MAX,
		args, 2, &rows))
		return false;
	while (db_next(rows)) {
		figure_add(t, db_get(rows, 0));
		figure_add(t, db_get(rows, 1));
		figure_add(t, db_get(rows, 2));
		report_add_time(r, t, db_get_time(rows, 3));
	}
	db_rows_free(rows);
	return true;
}

const struct section section_alerts = {
	.name = "alerts",
	.title = "Who wrote too much",
	.columns = alert_columns,
	.columns_n = ARRAY_LEN(alert_columns),
	.fill = fill_alerts,
};

const struct section section_words = {
	.name = "words",
	.title = "Trending words",
	.columns = word_columns,
	.columns_n = ARRAY_LEN(word_columns),
	.fill = fill_words,
};
