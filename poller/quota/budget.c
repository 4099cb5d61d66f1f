/*
 * budget: see budget.h.
 */
#include "poller/quota/budget.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/quota/usage.h"

static void
warn_budget(
    const struct tenant *t, struct store *s, uint64_t used, int64_t today)
{
	if (store_number(s, "budget_warned", 0) == today)
		return;
	store_set_number(s, "budget_warned", today);
	log_warn("tenant %s: %" PRIu64 " of this month's %" PRId64
		 " calls ([%s] budget) are used; see poller --check for what "
		 "the schedule costs",
	    t->name, used, t->budget, t->section);
}

uint64_t
budget_left(const struct tenant *t, struct store *s, int64_t now_ms)
{
	uint64_t budget = (uint64_t)t->budget, used;

	if (budget == 0)
		return UINT64_MAX;
	used = usage_month(s, now_ms);
	if (used >= budget)
		return 0;
	if (used >= budget / 5 * 4)
		warn_budget(t, s, used, now_ms / DAY_MS);
	return budget - used;
}

void
budget_report(const struct tenant *t)
{
	log_error("tenant %s: this month's %" PRId64 " calls ([%s] budget) are "
		  "used up; raise budget, or wait for the next month",
	    t->name, t->budget, t->section);
}
