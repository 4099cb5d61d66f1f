/*
 * clock: the time of day in milliseconds since 1970 (UTC), a monotonic clock
 * for waits, and times of RFC 3339 as text. The only place that reads the
 * system's clock.
 */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "No time": an absent field. */
#define CLOCK_NONE INT64_MIN

#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define QUARTER_MS (HOUR_MS / 4) /* of an hour */
#define DAY_MS (24 * HOUR_MS)

/* Room for a formatted time, NUL included. */
#define CLOCK_TEXT 32

/* Times outside 0001..9999 are refused when read, and written as the first or
 * the last of them, so that an end that is computed from a time is never before
 * it. */
int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);

/* The same clocks in microseconds. */
int64_t clock_now_us(void);
int64_t clock_mono_us(void);

/* The time of day that never goes back: where the system's clock is set back,
 * it goes on by the monotonic one. Begins zeroed; what it returns is in now_ms,
 * too. */
struct clock_onward {
	int64_t now_ms, mono_ms;
};

int64_t clock_onward(
    struct clock_onward *c, int64_t system_ms, int64_t mono_ms);

/* The date and time of day, as of UTC. */
struct clock_date {
	int year, month, day, hour, minute, second, ms;
};
struct clock_date clock_split(int64_t ms);

/* "2026-11-20T10:00:00.123Z". text has CLOCK_TEXT bytes; returns its length
 * (24 always). */
size_t clock_format(int64_t ms, char *text);

/* "2026-11-20 10:00:00.123", what SQL wants (UTC, 23 characters). */
size_t clock_format_sql(int64_t ms, char *text);

/* For people, by the local time zone: "2026-11-20 11:00:00", with " CET" behind
 * it if `named`. */
void clock_format_local(int64_t ms, bool named, char *text);

/* RFC 3339 with any offset and any fraction (cut to milliseconds), 'T' or a
 * space; -1 when it is not that, or not a real date. A leap second counts as
 * the first instant of the next minute. */
int clock_parse(const char *s, size_t len, int64_t *ms)
    __attribute__((warn_unused_result));

/* What SQL tells, "2026-11-20 10:00:00", with a fraction or not. */
int clock_parse_sql(const char *s, int64_t *ms)
    __attribute__((warn_unused_result));

/* The multiple of the unit at n or the next below it, at n or the next above;
 * before 1970, too. */
int64_t clock_floor(int64_t n, int64_t unit);
int64_t clock_ceil(int64_t n, int64_t unit);

/* Seconds since 1970 of a civil UTC time; months from 1. */
int64_t clock_civil(int year, int month, int day, int hour, int min, int sec);

#endif
