/*
 * calendar: see calendar.h.
 */
#include "sink/calendar/calendar.h"

#include <stdio.h>

#include "common/base/clock.h"

int64_t
calendar_day_begin(const struct zone *z, int64_t day)
{
	return zone_first(z, day * DAY_MS);
}

int64_t
calendar_day(const struct zone *z, int64_t ms)
{
	int64_t local = ms + zone_find(z, ms).offset;
	int64_t day = clock_floor(local, DAY_MS) / DAY_MS;

	/* The clock may show yesterday again. */
	while (calendar_day_begin(z, day + 1) <= ms)
		day++;
	return day;
}

/* Returns the first day of a month, which is the same in every zone. */
static int64_t
calendar_day_of_month(int64_t month)
{
	int64_t year = clock_floor(month, 12) / 12;

	return clock_civil((int)(1970 + year), (int)(month - 12 * year) + 1, 1,
		   0, 0, 0) /
	       86400;
}

static int64_t
calendar_month_of_day(int64_t day)
{
	int64_t month = day * 4800 / 146097; /* an estimate: 400 years */

	while (calendar_day_of_month(month) > day)
		month--;
	while (calendar_day_of_month(month + 1) <= day)
		month++;
	return month;
}

static int64_t
month_begin(const struct zone *z, int64_t month)
{
	return calendar_day_begin(z, calendar_day_of_month(month));
}

int64_t
calendar_month(const struct zone *z, int64_t ms)
{
	return calendar_month_of_day(calendar_day(z, ms));
}

int64_t
calendar_days_before(const struct zone *z, int64_t ms, int64_t days)
{
	int64_t day = calendar_day(z, ms);
	int64_t begin = calendar_day_begin(z, day - days), there;

	if (ms == calendar_day_begin(z, day))
		return begin;
	there = zone_first(z, ms + zone_find(z, ms).offset - days * DAY_MS);
	return there > begin ? there : begin;
}

int64_t
calendar_months_before(const struct zone *z, int64_t ms, int64_t months)
{
	int64_t day = calendar_day(z, ms);
	int64_t month = calendar_month_of_day(day);
	int64_t there = day - calendar_day_of_month(month) +
			calendar_day_of_month(month - months);
	int64_t next = calendar_day_of_month(month - months + 1);

	return there < next ? calendar_days_before(z, ms, day - there)
			    : calendar_day_begin(z, next);
}

/* Day 0 was a Thursday. */
static int64_t
monday_of(int64_t day)
{
	return clock_floor(day + 3, 7) - 3;
}

static int64_t
short_next(const struct zone *z, int64_t ms, int64_t unit)
{
	struct zone_span s = zone_find(z, ms);
	int64_t next = clock_floor(ms + s.offset, unit) + unit - s.offset;

	return next < s.until ? next : s.until;
}

int64_t
calendar_week_begin(const struct zone *z, int64_t ms)
{
	return calendar_day_begin(z, monday_of(calendar_day(z, ms)));
}

int64_t
calendar_month_begin(const struct zone *z, int64_t ms)
{
	return month_begin(z, calendar_month(z, ms));
}

int64_t
calendar_next(const struct zone *z, enum calendar_unit unit, int64_t ms)
{
	int64_t day, month;

	switch (unit) {
	case CALENDAR_QUARTER:
		return short_next(z, ms, QUARTER_MS);
	case CALENDAR_HOUR:
		return short_next(z, ms, HOUR_MS);
	case CALENDAR_DAY:
		break;
	case CALENDAR_WEEK:
		day = monday_of(calendar_day(z, ms)) + 7;
		return calendar_day_begin(z, day);
	case CALENDAR_MONTH:
		month = calendar_month(z, ms) + 1;
		return month_begin(z, month);
	}
	return calendar_day_begin(z, calendar_day(z, ms) + 1);
}

void
calendar_format(const struct zone *z, int64_t ms, char *text)
{
	int64_t offset = zone_find(z, ms).offset, minutes;
	size_t len;

	if (offset % MINUTE_MS != 0)
		offset = 0;
	minutes = (offset < 0 ? -offset : offset) / MINUTE_MS;
	len = clock_format(ms + offset, text);
	/* Replaces the Z. */
	(void)snprintf(text + len - 1, CALENDAR_TEXT - len + 1, "%c%02d:%02d",
	    offset < 0 ? '-' : '+', (int)(minutes / 60) % 100,
	    (int)(minutes % 60));
}
