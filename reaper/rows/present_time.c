/*
 * present_time: see present_time.h.
 */
#include "reaper/rows/present_time.h"

#include "common/base/clock.h"

int64_t
present_time(int64_t as_of, int64_t stored_at)
{
	int64_t now = clock_now_ms();

	if (as_of == CLOCK_NONE)
		return now;
	if (stored_at != CLOCK_NONE && as_of > stored_at)
		now += as_of - stored_at;
	return as_of > now ? as_of : now;
}
