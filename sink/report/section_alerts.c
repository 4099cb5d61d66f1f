/*
 * section_alerts: who wrote too much.
 */
#include "common/base/xalloc.h"
#include "sink/report/section.h"

#define USERS_MAX "20"

static const struct figure_column alert_columns[] = {
	{ "user_id", "User", FIGURE_TEXT },
	{ "alerts", "Alerts", FIGURE_COUNT },
	{ "messages", "Messages in the worst", FIGURE_COUNT },
	{ "first", "First", FIGURE_TEXT },
	{ "last", "Last", FIGURE_TEXT },
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

const struct section section_alerts = {
	.name = "alerts",
	.title = "Who wrote too much",
	.columns = alert_columns,
	.columns_n = ARRAY_LEN(alert_columns),
	.fill = fill_alerts,
};
