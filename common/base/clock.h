/*
 * clock: the time of day in milliseconds since 1970 (UTC), a monotonic clock
 * for waits, and RFC 3339 times as text. No other file reads the system clock.
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
#define QUARTER_MS (HOUR_MS / 4) /* a quarter of an hour */
#define DAY_MS (24 * HOUR_MS)

/* The size of a formatted time, with NUL. */
#define CLOCK_TEXT 32

/* Reading refuses times outside the years 0001..9999. Writing replaces them
 * with the first or last valid time, so that a computed end is never before
 * it. */
int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);

/* The same clocks in microseconds. */
int64_t clock_now_us(void);
int64_t clock_mono_us(void);

/* A time of day that never goes back: if the system clock is set back, it
 * follows the monotonic clock. Start with a zeroed struct; now_ms has the last
 * result, too. */
struct clock_onward {
	int64_t now_ms, mono_ms;
};

int64_t clock_onward(
    struct clock_onward *c, int64_t system_ms, int64_t mono_ms);

/* A date and time of day in UTC. */
struct clock_date {
	int year, month, day, hour, minute, second, ms;
};
struct clock_date clock_split(int64_t ms);

/* Writes "2026-11-20T10:00:00.123Z". text has CLOCK_TEXT bytes; returns the
 * length, which is always 24. */
size_t clock_format(int64_t ms, char *text);

/* Writes "2026-11-20 10:00:00.123" for SQL (UTC, 23 characters). */
size_t clock_format_sql(int64_t ms, char *text);

/* Writes a time for people in the local time zone: "2026-11-20 11:00:00",
 * followed by the zone (" CET") if `named`. */
void clock_format_local(int64_t ms, bool named, char *text);

/* Reads an RFC 3339 time with any offset and any fraction (truncated to
 * milliseconds), and 'T' or a space. Returns -1 for any other text and for
 * impossible dates. A leap second counts as the first instant of the next
 * minute. */
int clock_parse(const char *s, size_t len, int64_t *ms)
    __attribute__((warn_unused_result));

/* Reads a time from SQL, "2026-11-20 10:00:00", with or without a fraction. */
int clock_parse_sql(const char *s, int64_t *ms)
    __attribute__((warn_unused_result));

/* Round n down or up to a multiple of the unit; also works before 1970. */
int64_t clock_floor(int64_t n, int64_t unit);
int64_t clock_ceil(int64_t n, int64_t unit);

/* Returns the seconds since 1970 of a UTC date and time; months start with
 * 1. */
int64_t clock_civil(int year, int month, int day, int hour, int min, int sec);

#endif
