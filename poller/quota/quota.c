/*
 * quota: see quota.h.
 */
#include "poller/quota/quota.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/quota/usage.h"

/* cron starts a job some seconds early or late, and the CRM's clock is not
 * known exactly. */
#define JITTER_MS (30 * INT64_C(1000))

#define SLOWEST_MS (PACE_SLOWEST * MINUTE_MS)

struct pace_month
quota_month(const struct tenant *t, struct store *s, int64_t now_ms)
{
	return (struct pace_month){
		.budget = t->budget,
		.used = s != NULL ? (int64_t)usage_month(s, now_ms) : 0,
		.now_ms = now_ms,
		.end_ms = usage_month_end(now_ms),
	};
}

unsigned
quota_interval(const struct tenant *t, struct store *s, int64_t now_ms)
{
	struct pace_measurement measured;
	struct pace_month month;

	if (t->budget == 0)
		return 1;
	measured = usage_measure(s, now_ms);
	month = quota_month(t, s, now_ms);
	return pace_compute(&month, &measured).interval;
}

bool
quota_is_recent(struct store *s, unsigned interval, int64_t now_ms)
{
	int64_t ago = now_ms - store_number(s, "polled", 0);

	return interval > 1 && ago > -JITTER_MS &&
	       ago < interval * MINUTE_MS - JITTER_MS;
}

int64_t
quota_begin_poll(struct store *s, int64_t now_ms)
{
	int64_t ago = now_ms - store_number(s, "polled", now_ms);

	store_set_number(s, "polled", now_ms);
	return ago < 0 ? 0 : ago < SLOWEST_MS ? ago : SLOWEST_MS;
}

void
quota_warn(const struct tenant *t, struct store *s, int64_t now_ms)
{
	unsigned interval = quota_interval(t, s, now_ms);
	int64_t today = now_ms / DAY_MS;
	uint64_t used = usage_month(s, now_ms);

	if (interval <= 1 || store_number(s, "budget_warned", 0) == today)
		return;
	store_set_number(s, "budget_warned", today);
	if (used >= (uint64_t)t->budget)
		log_warn("tenant %s: all %" PRId64 " calls of this month ([%s] "
			 "budget) are used; polls go on, every %u minutes",
		    t->name, t->budget, t->section, interval);
	else
		log_warn(
		    "tenant %s: polls every %u minutes, so that the %" PRId64
		    " calls of this month ([%s] budget) last; %" PRIu64
		    " are used",
		    t->name, interval, t->budget, t->section, used);
}
