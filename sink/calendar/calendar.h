/*
 * calendar: the beginnings of quarter-hours, hours, days, weeks and months in a
 * time zone. Times are ms since 1970.
 *
 * A day begins at the first instant at which local clocks show its date: at
 * 01:00 if midnight is skipped, at the first midnight if there are two.
 * Therefore days have 23 or 25 hours when the clocks change, and each instant
 * is in exactly one day, week and month. Weeks begin on Monday. Hours and
 * quarters begin when the clock shows a full one, and whenever it is changed:
 * at 02:45 in Chatham, where the hour that begins at 02:00 then ends.
 */
#ifndef SINK_CALENDAR_CALENDAR_H
#define SINK_CALENDAR_CALENDAR_H

#include "common/hours/zone.h"

#include <stdint.h>

enum calendar_unit {
	CALENDAR_QUARTER,
	CALENDAR_HOUR,
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH
};

/* Returns the beginning of the next unit after ms. */
int64_t calendar_next(
    const struct zone *z, enum calendar_unit unit, int64_t ms);

/* Return days since 1970-01-01 and months since January 1970 in the zone's
 * calendar, and the beginning of a day. */
int64_t calendar_day(const struct zone *z, int64_t ms);
int64_t calendar_month(const struct zone *z, int64_t ms);
int64_t calendar_day_begin(const struct zone *z, int64_t day);

/* Return the beginning of the week or month that contains ms. */
int64_t calendar_week_begin(const struct zone *z, int64_t ms);
int64_t calendar_month_begin(const struct zone *z, int64_t ms);

/* Return the same local time a number of days or months earlier; the beginning
 * of a day becomes that of the earlier day. If the clock did not show that
 * time, returns the first instant after it; if the month has no such day, the
 * beginning of the next month. */
int64_t calendar_days_before(const struct zone *z, int64_t ms, int64_t days);
int64_t calendar_months_before(
    const struct zone *z, int64_t ms, int64_t months);

/* The size of a formatted time, with NUL. */
#define CALENDAR_TEXT 40

/* Writes "2026-11-20T10:00:00.123+05:30". RFC 3339 has no offsets with seconds,
 * so times of the era that used them are written in UTC. */
void calendar_format(const struct zone *z, int64_t ms, char *text);

#endif
