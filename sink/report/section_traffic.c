/*
 * section_traffic: messages by channel, and what was read of them.
 */

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/report/section.h"

/* Of the greatest. */
#define CHANNELS_MAX "50"
#define DEVICES_MAX "20"

static const struct figure_column channel_columns[] = {
	{ "channel", "Channel", FIGURE_TEXT },
	{ "inbound_messages", "From customers", FIGURE_COUNT },
	{ "outbound_messages", "To customers", FIGURE_COUNT },
	{ "inbound_before", "Previous, from customers", FIGURE_COUNT },
	{ "outbound_before", "Previous, to customers", FIGURE_COUNT },
};

static const struct figure_column receipt_columns[] = {
	{ "device", "Device", FIGURE_TEXT },
	{ "receipts", "Receipts", FIGURE_COUNT },
};

/* Hours that begin in the period. While it runs, the hour that cuts the
 * previous one is left out there. question_ask() gives the first ? of a
 * statement the tenant, so that times before it are text. */
static bool
ask_channels(struct report_work *r, struct db_rows **rows)
{
	const struct db_value args[] = { db_time(r->before), db_time(r->to) };
	int64_t cut = r->runs ? r->before_to % HOUR_MS : 0;
	char from[CLOCK_TEXT], before_to[CLOCK_TEXT];
	struct buf sql = BUF_INIT;
	bool good;

	(void)clock_format_sql(r->from, from);
	(void)clock_format_sql(r->before_to - cut, before_to);
	buf_addf(&sql,
	    "SELECT channel, "
	    "SUM(CASE WHEN `hour` >= '%s' THEN inbound_messages ELSE 0 END), "
	    "SUM(CASE WHEN `hour` >= '%s' THEN outbound_messages ELSE 0 END), "
	    "SUM(CASE WHEN `hour` < '%s' THEN inbound_messages ELSE 0 END), "
	    "SUM(CASE WHEN `hour` < '%s' THEN outbound_messages ELSE 0 END) "
	    "FROM channel_metrics_all WHERE tenant = ? AND `hour` >= ? "
	    "AND `hour` < ? GROUP BY channel "
	    "ORDER BY SUM(CASE WHEN `hour` >= '%s' THEN messages ELSE 0 END) "
	    "DESC, SUM(messages) DESC, channel LIMIT " CHANNELS_MAX,
	    from, from, before_to, before_to, from);
	good = report_query(r, buf_str(&sql), args, 2, rows);
	buf_release(&sql);
	return good;
}

static bool
fill_channels(struct report_work *r, struct figure_table *t)
{
	struct db_rows *rows = NULL;
	size_t i;

	if (!ask_channels(r, &rows))
		return false;
	while (db_next(rows)) {
		figure_add(
		    t, *db_get(rows, 0) != '\0' ? db_get(rows, 0) : "(none)");
		for (i = 1; i < ARRAY_LEN(channel_columns); i++)
			figure_add(t, db_get(rows, i));
	}
	db_rows_free(rows);
	return true;
}

static bool
fill_receipts(struct report_work *r, struct figure_table *t)
{
	return report_fill(r, t,
	    "SELECT device, COUNT(*) FROM message_views WHERE tenant = ? "
	    "AND viewed_at >= ? AND viewed_at < ? GROUP BY device "
	    "ORDER BY 2 DESC, 1 LIMIT " DEVICES_MAX,
	    0);
}

const struct section section_channels = {
	.name = "channels",
	.title = "Channels",
	.note = "Messages in the hours of UTC that begin in the period; while "
		"it runs, the previous period ends with a full hour. "
		"At most " CHANNELS_MAX
		" channels, those with the most messages then.",
	.metric = "channels",
	.columns = channel_columns,
	.columns_n = ARRAY_LEN(channel_columns),
	.fill = fill_channels,
};

const struct section section_receipts = {
	.name = "receipts",
	.title = "Read receipts",
	.note = "At most " DEVICES_MAX " devices, those with the most "
		"receipts.",
	.metric = "views",
	.columns = receipt_columns,
	.columns_n = ARRAY_LEN(receipt_columns),
	.is_long = true,
	.fill = fill_receipts,
};
