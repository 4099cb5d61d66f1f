/*
 * rules: see rules.h.
 */
#include "reaper/rows/rules.h"

#include "common/base/clock.h"

bool
rule_ends(const struct table *t)
{
	return t->life != LIFE_EVER && t->life != LIFE_NONE;
}

bool
rule_on_close(const struct table *t, bool all)
{
	if (t->chat < 0)
		return false;
	return t->life == LIFE_NOW || (all && t->life == LIFE_HISTORY);
}

int64_t
rule_crm_now(int64_t as_of, int64_t stored_at)
{
	int64_t now = clock_now_ms();

	if (as_of == CLOCK_NONE)
		return now;
	if (stored_at != CLOCK_NONE && as_of > stored_at)
		now += as_of - stored_at;
	return as_of > now ? as_of : now;
}
