/*
 * calendar: where quarters of an hour, hours, days, weeks and months begin in a
 * time zone. Times are ms since 1970.
 *
 * A day begins at the first instant at which the clock on the wall shows its
 * date: at 01:00 where midnight is passed over, at the first midnight where
 * there are two. So days have 23 or 25 hours when the clocks change, and each
 * instant is in exactly one day, week and month. Weeks begin on Monday. Hours
 * and quarters begin when the clock shows a full one, and whenever it is
 * changed: at 02:45 in Chatham, where the hour that begins at 02:00 ends then.
 */
#ifndef SINK_CALENDAR_CALENDAR_H
#define SINK_CALENDAR_CALENDAR_H

#include "sink/calendar/zone.h"

#include <stdint.h>

enum calendar_unit {
	CALENDAR_QUARTER,
	CALENDAR_HOUR,
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH
};

/* The begin of the unit that ms is in; that of the unit after it. */
int64_t calendar_begin(
    const struct zone *z, enum calendar_unit unit, int64_t ms);
int64_t calendar_next(
    const struct zone *z, enum calendar_unit unit, int64_t ms);

/* Days since 1970-01-01 and months since January 1970 by the zone's calendar,
 * and when a day begins. */
int64_t calendar_day(const struct zone *z, int64_t ms);
int64_t calendar_month(const struct zone *z, int64_t ms);
int64_t calendar_day_begin(const struct zone *z, int64_t day);

/* The same time by the clock so many days or months earlier; the begin of a day
 * becomes that of the earlier one. Where the clock did not show it the first
 * instant behind it, where the month has no such day the begin of the next. */
int64_t calendar_days_before(const struct zone *z, int64_t ms, int64_t days);
int64_t calendar_months_before(
    const struct zone *z, int64_t ms, int64_t months);

/* Room for a formatted time, NUL included. */
#define CALENDAR_TEXT 40

/* "2026-11-20T10:00:00.123+05:30". RFC 3339 has no offsets with seconds: a time
 * of before they went out of use is written in UTC. */
void calendar_format(const struct zone *z, int64_t ms, char *text);

#endif
