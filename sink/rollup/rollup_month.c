/*
 * rollup_month: where months of UTC begin; see rollup.h.
 */
#include "common/base/clock.h"
#include "common/calendar/calendar.h"
#include "sink/rollup/rollup.h"

static int64_t
month_of(int64_t ms)
{
	return calendar_month_of_day(clock_floor(ms, DAY_MS) / DAY_MS);
}

int64_t
rollup_month(int64_t ms)
{
	return calendar_day_of_month(month_of(ms)) * DAY_MS;
}

int64_t
rollup_next_month(int64_t ms)
{
	return calendar_day_of_month(month_of(ms) + 1) * DAY_MS;
}
