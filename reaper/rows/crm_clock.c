/*
 * crm_clock: see crm_clock.h.
 */
#include "reaper/rows/crm_clock.h"

#include "common/base/clock.h"

int64_t
crm_clock_now(int64_t as_of, int64_t stored_at)
{
	int64_t now = clock_now_ms();

	if (as_of == CLOCK_NONE)
		return now;
	if (stored_at != CLOCK_NONE && as_of > stored_at)
		now += as_of - stored_at;
	return as_of > now ? as_of : now;
}
