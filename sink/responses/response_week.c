/*
 * response_week: see response_week.h.
 */
#include "sink/responses/response_week.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "sink/responses/response_sums.h"

void
response_week_offset(struct buf *to, const struct response_span *s,
    const char *number, int64_t unit)
{
	struct zone_span z = zone_find(s->zone, s->from);

	buf_adds(to, "CASE");
	for (; z.until < s->to; z = zone_find(s->zone, z.until))
		buf_addf(to, " WHEN %s < %" PRId64 " THEN %" PRId64, number,
		    z.until / unit, z.offset / unit);
	buf_addf(to, " WHEN TRUE THEN %" PRId64 " END", z.offset / unit);
}

void
response_week_hour(struct buf *to, const struct response_span *s)
{
	buf_adds(to, "((" RESPONSE_SLOT_MS " + ");
	response_week_offset(to, s, RESPONSE_SLOT_MS, 1);
	buf_addf(to, ") DIV %" PRId64 " + %d) MOD %d", HOUR_MS, WEEK_FIRST_HOUR,
	    WEEK_HOURS);
}
