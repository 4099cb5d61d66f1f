/*
 * analytics_hours: see analytics_hours.h.
 */
#include "sink/rollup/analytics_hours.h"

#include "common/base/xalloc.h"

/* The number last: the others are decided by what it was. */
static const char *const sums[] = { "inbound", "outbound", "sentiments",
	"sentiment_sum", "responses", "response_sum", "messages" };

enum outcome
analytics_hours_make(
    struct db *db, const char *tenant, int64_t from, int64_t to)
{
	const struct db_value args[] = { db_str(tenant), db_time(from),
		db_time(to) };
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i;

	buf_adds(&sql,
	    "INSERT INTO message_analytics_hours (tenant, `hour`, channel, "
	    "messages, inbound, outbound, sentiments, sentiment_sum, "
	    "responses, response_sum) "
	    "SELECT tenant, CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:00:00') "
	    "AS DATETIME(3)), COALESCE(channel_id, ''), COUNT(*), "
	    "COUNT(NULLIF(direction <> 'inbound', TRUE)), "
	    "COUNT(NULLIF(direction <> 'outbound', TRUE)), "
	    "COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "
	    "COUNT(response_time), COALESCE(SUM(response_time), 0) "
	    "FROM message_analytics WHERE tenant = ? AND created_at >= ? "
	    "AND created_at < ? GROUP BY 1, 2, 3 ON DUPLICATE KEY UPDATE ");
	for (i = 0; i < ARRAY_LEN(sums); i++)
		buf_addf(&sql,
		    "%s%s = IF(VALUES(messages) < messages, %s, VALUES(%s))",
		    i > 0 ? ", " : "", sums[i], sums[i], sums[i]);
	o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), NULL);
	buf_release(&sql);
	return o;
}
