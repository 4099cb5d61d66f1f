/*
 * chat_waits: see chat_waits.h.
 */
#include "sink/resources/chat_waits.h"

#include "sink/api/sharded.h"

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
