/*
 * chat_waits: see chat_waits.h.
 */
#include "sink/resources/chat_waits.h"

#include "common/base/clock.h"
#include "sink/api/sharded.h"

#define WAITING_MAX_S (INT64_C(3660) * 86400)

const char *const chat_waits_parameters[] = { "waiting_seconds", NULL };

bool
chat_waits_from(struct question *q, struct buf *sql)
{
	buf_adds(sql, " FROM chat_metrics c LEFT JOIN ");
	if (!sharded_table(q, "tenant_metrics", "tenant_metrics_parts", sql))
		return false;
	buf_adds(sql, " t ON t.tenant = c.tenant WHERE c.tenant = ? "
		      "AND c.status <> 'left'");
	return true;
}

bool
chat_waits_filter(struct question *q, struct buf *sql)
{
	int64_t ms = CLOCK_NONE;
	char since[CLOCK_TEXT];

	if (!question_seconds(q, "waiting_seconds", WAITING_MAX_S, &ms))
		return false;
	if (ms == CLOCK_NONE)
		return true;
	(void)clock_format_sql(q->request->now_ms - ms, since);
	buf_addf(sql, " AND waiting_since <= '%s' AND status <> 'left'", since);
	return true;
}
