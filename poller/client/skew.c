/*
 * skew: see skew.h.
 */
#include "poller/client/skew.h"

#include "common/base/clock.h"

/* A Date of 10:00:05 means 10:00:05.000 to 10:00:05.999; clocks within a second
 * of that count as equal. */
#define EARLY_MS 1000
#define LATE_MS 2000

void
skew_update(struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms)
{
	if (date_ms == CLOCK_NONE)
		return;
	s->known = true;
	if (got_ms >= date_ms - EARLY_MS && sent_ms <= date_ms + LATE_MS)
		s->offset_ms = 0;
	else
		s->offset_ms =
		    date_ms + 500 - (sent_ms + (got_ms - sent_ms) / 2);
}

int64_t
skew_apply(const struct skew *s, int64_t ours_ms)
{
	return ours_ms + s->offset_ms;
}
