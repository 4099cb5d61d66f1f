/*
 * rules: see rules.h.
 */
#include "reaper/rows/rules.h"

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
