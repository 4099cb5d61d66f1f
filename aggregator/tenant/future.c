/*
 * future: see future.h.
 */
#include "aggregator/tenant/future.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

#include "aggregator/model/model.h"

void
future_init(struct future *f, const struct conf *conf)
{
	memset(f, 0, sizeof *f);
	f->bounded =
	    strcmp(conf_text(conf, "aggregator", "clock"), "system") == 0;
	f->ahead_ms = conf_int(conf, "aggregator", "ahead");
	f->allowed = CLOCK_NONE;
	(void)snprintf(f->why, sizeof f->why,
	    "ahead: its time is more than %" PRId64 " s after the system clock",
	    f->ahead_ms / 1000);
}

static bool
is_ahead(struct future *f, int64_t at)
{
	if (at <= f->allowed)
		return false;
	f->allowed = clock_now_ms() + f->ahead_ms;
	return at > f->allowed;
}

const char *
future_refuses(struct future *f, struct record *r)
{
	/* In a snapshot, a chat without a time has that of the snapshot. */
	int64_t at = r->snapshot.p == NULL ? model_record_time(r) : r->at;

	if (!f->bounded)
		return NULL;
	/* An end marker may be late, but its snapshot's time must not be in the
	 * future. */
	if (r->state != SNAPSHOT_END && is_ahead(f, at))
		return f->why;
	/* Such a record would override all later reports. */
	if (r->type == RECORD_OPERATOR && r->has_available &&
	    is_ahead(f, r->available_at))
		r->available_at = CLOCK_NONE;
	return NULL;
}
