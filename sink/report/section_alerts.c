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
	return report_fill(r, t,
	    "SELECT user_id, COUNT(*), MAX(messages), MIN(started_at), "
	    "MAX(started_at) FROM alerts_all WHERE tenant = ? "
	    "AND started_at >= ? AND started_at < ? AND messages > 0 "
	    "GROUP BY user_id ORDER BY 2 DESC, 3 DESC, 1 LIMIT " USERS_MAX,
	    2);
}

const struct section section_alerts = {
	.name = "alerts",
	.title = "Who wrote too much",
	.note = "At most " USERS_MAX " users, those with the most alerts.",
	.metric = "alerts",
	.columns = alert_columns,
	.columns_n = ARRAY_LEN(alert_columns),
	.fill = fill_alerts,
};
