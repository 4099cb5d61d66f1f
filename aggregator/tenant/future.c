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

/* Returns the record's time. In a snapshot, a chat without one has the time of
 * the snapshot. An end marker may be late, but its snapshot's time must not be
 * in the future. */
static int64_t
time_of(const struct record *r)
{
	if (r->type == RECORD_UNKNOWN || r->type == RECORD_ROW ||
	    (r->type == RECORD_SNAPSHOT && r->state == SNAPSHOT_END))
		return CLOCK_NONE;
	return r->snapshot.p == NULL ? model_record_time(r) : r->at;
}

const char *
future_refuses(struct future *f, struct record *r)
{
	if (!f->bounded)
		return NULL;
	if (is_ahead(f, time_of(r)))
		return f->why;
	/* Such a record would override all later reports. */
	if (r->type == RECORD_OPERATOR && r->has_available &&
	    is_ahead(f, r->available_at))
		r->available_at = CLOCK_NONE;
	return NULL;
}
