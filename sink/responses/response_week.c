/*
 * response_week: see response_week.h.
 */
#include "sink/responses/response_week.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "sink/responses/response_sums.h"

/* Appends what the zone's clock is before UTC, in ms, when an interval of the
 * span ended. */
static void
add_offset(struct buf *to, const struct response_span *s)
{
	struct zone_span z = zone_find(s->zone, s->from);

	buf_adds(to, "CASE");
	for (; z.until < s->to; z = zone_find(s->zone, z.until))
		buf_addf(to,
		    " WHEN " RESPONSE_SLOT_MS " < %" PRId64 " THEN %" PRId64,
		    z.until, z.offset);
	buf_addf(to, " WHEN TRUE THEN %" PRId64 " END", z.offset);
}

void
response_week_hour(struct buf *to, const struct response_span *s)
{
	buf_adds(to, "((" RESPONSE_SLOT_MS " + ");
	add_offset(to, s);
	buf_addf(to, ") DIV %" PRId64 " + %d) MOD %d", HOUR_MS, WEEK_FIRST_HOUR,
	    WEEK_HOURS);
}
