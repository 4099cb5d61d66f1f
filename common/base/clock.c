/*
 * clock: wall clock, monotonic clock, and RFC 3339; see clock.h. Dates are
 * computed by the proleptic Gregorian calendar without the C library's time
 * zones.
 */
#include "common/base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/base/text.h"

/* Four-digit years: from 0001-01-01 to before 10000-01-01. */
#define FIRST_S INT64_C(-62135596800)
#define END_S INT64_C(253402300800)

static int64_t
read_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_onward(struct clock_onward *c, int64_t system_ms, int64_t mono_ms)
{
	c->now_ms += mono_ms - c->mono_ms;
	c->mono_ms = mono_ms;
	if (system_ms > c->now_ms)
		c->now_ms = system_ms;
	return c->now_ms;
}

/* Returns the days since 1970-01-01. Years begin in March so that the leap day
 * comes last (H. Hinnant, chrono-compatible low-level date algorithms). */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

int64_t
clock_floor(int64_t n, int64_t unit)
{
	int64_t rest = n % unit;

	return n - (rest < 0 ? rest + unit : rest);
}

int64_t
clock_ceil(int64_t n, int64_t unit)
{
	return clock_floor(n + unit - 1, unit);
}

int64_t
clock_civil(int year, int month, int day, int hour, int min, int sec)
{
	return days_from_civil(year, month, day) * 86400 +
	       (int64_t)hour * 3600 + (int64_t)min * 60 + sec;
}

static void
put_digits(char *to, int digits, int n)
{
	while (digits-- > 0) {
		to[digits] = (char)('0' + n % 10);
		n /= 10;
	}
}

struct clock_date
clock_split(int64_t ms)
{
	int64_t days, in_day, z, era, doe, yoe, doy, mp;

	if (ms < FIRST_S * 1000)
		ms = FIRST_S * 1000;
	if (ms >= END_S * 1000)
		ms = END_S * 1000 - 1;
	days = clock_floor(ms, DAY_MS) / DAY_MS;
	in_day = ms - days * DAY_MS;
	z = days + 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	return (struct clock_date){
		.year = (int)(yoe + era * 400 + (mp >= 10)),
		.month = (int)(mp < 10 ? mp + 3 : mp - 9),
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = (int)(in_day / HOUR_MS),
		.minute = (int)(in_day / MINUTE_MS % 60),
		.second = (int)(in_day / 1000 % 60),
		.ms = (int)(in_day % 1000),
	};
}

/* Writes date and time with the given separator, 23 characters. */
static void
format_time(int64_t ms, char sep, char *text)
{
	const struct clock_date d = clock_split(ms);

	memcpy(text, "0000-00-00 00:00:00.000", 24);
	text[10] = sep;
	put_digits(text, 4, d.year);
	put_digits(text + 5, 2, d.month);
	put_digits(text + 8, 2, d.day);
	put_digits(text + 11, 2, d.hour);
	put_digits(text + 14, 2, d.minute);
	put_digits(text + 17, 2, d.second);
	put_digits(text + 20, 3, d.ms);
}

size_t
clock_format(int64_t ms, char *text)
{
	format_time(ms, 'T', text);
	text[23] = 'Z';
	text[24] = '\0';
	return 24;
}

size_t
clock_format_sql(int64_t ms, char *text)
{
	format_time(ms, ' ', text);
	return 23;
}

void
clock_format_local(int64_t ms, bool named, char *text)
{
	time_t at = (time_t)(clock_floor(ms, 1000) / 1000);
	struct tm date;

	if (at < FIRST_S)
		at = FIRST_S;
	if (at >= END_S)
		at = END_S - 1;
	if (localtime_r(&at, &date) == NULL ||
	    strftime(text, CLOCK_TEXT,
		named ? "%Y-%m-%d %H:%M:%S %Z" : "%Y-%m-%d %H:%M:%S",
		&date) == 0)
		*text = '\0';
}

/* Returns the number in the n digits at s, or -1. */
static int
digits_value(const char *s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (!text_is_digit(*s))
			return -1;
		v = v * 10 + (*s++ - '0');
	}
	return v;
}

static bool
is_date(int y, int m, int d)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	if (y < 0 || m < 1 || m > 12 || d < 1 || d > days[m - 1])
		return false;
	return m != 2 || d < 29 ||
	       (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Reads the fraction after a point, truncated to milliseconds. Returns NULL if
 * there is no digit. */
static const char *
fraction(const char *s, const char *end, int *ms)
{
	int scale = 100;

	if (s == end || !text_is_digit(*s))
		return NULL;
	for (; s < end && text_is_digit(*s); s++) {
		*ms += (*s - '0') * scale;
		scale /= 10;
	}
	return s;
}

/* Reads "Z" or "+hh:mm" up to the end; *east is the offset in seconds east of
 * UTC. */
static int
offset(const char *s, const char *end, int *east)
{
	int h, m;

	if (end - s == 1 && (*s == 'Z' || *s == 'z')) {
		*east = 0;
		return 0;
	}
	if (end - s != 6 || (*s != '+' && *s != '-') || s[3] != ':')
		return -1;
	h = digits_value(s + 1, 2);
	m = digits_value(s + 4, 2);
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return -1;
	*east = (h * 3600 + m * 60) * (*s == '-' ? -1 : 1);
	return 0;
}

static int
parse(const char *s, size_t len, int64_t *ms)
{
	const char *p, *end = s + len;
	int y, mon, d, h, min, sec, frac = 0, east;

	if (len < 20 || s[4] != '-' || s[7] != '-' || s[13] != ':' ||
	    s[16] != ':' || (s[10] != 'T' && s[10] != 't' && s[10] != ' '))
		return -1;
	y = digits_value(s, 4);
	mon = digits_value(s + 5, 2);
	d = digits_value(s + 8, 2);
	h = digits_value(s + 11, 2);
	min = digits_value(s + 14, 2);
	sec = digits_value(s + 17, 2);
	if (!is_date(y, mon, d) || h < 0 || h > 23 || min < 0 || min > 59 ||
	    sec < 0 || sec > 60)
		return -1;
	p = s + 19;
	if (*p == '.' && (p = fraction(p + 1, end, &frac)) == NULL)
		return -1;
	if (offset(p, end, &east) == -1)
		return -1;
	if (sec == 60)
		frac = 0;
	*ms = (clock_civil(y, mon, d, h, min, sec) - east) * 1000 + frac;
	/* The offset, or a leap second, may lead to another year. */
	return *ms < FIRST_S * 1000 || *ms >= END_S * 1000 ? -1 : 0;
}

/* Returns the number in two digits; a value above 99 if they are not digits. */
static unsigned
two(const char *s)
{
	unsigned tens = (unsigned char)s[0] - '0';
	unsigned ones = (unsigned char)s[1] - '0';

	return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* Millions of records are read, most in the same minute as the previous one.
 * That minute is cached, so that only the seconds are computed. */
int
clock_parse(const char *s, size_t len, int64_t *ms)
{
	static _Thread_local struct {
		char text[16]; /* "2026-11-20T10:00"; zeros at first */
		int64_t at;
	} minute;
	unsigned sec, hundredths, ones;
	int64_t in_minute;

	if (len != 24 || s[16] != ':' || s[19] != '.' || s[23] != 'Z')
		return parse(s, len, ms);
	sec = two(s + 17);
	hundredths = two(s + 20);
	ones = (unsigned char)s[22] - '0';
	if (sec > 59 || hundredths > 99 || ones > 9)
		return parse(s, len, ms);
	in_minute = (int64_t)sec * 1000 + hundredths * 10 + ones;
	if (memcmp(s, minute.text, sizeof minute.text) != 0) {
		if (parse(s, len, ms) == -1)
			return -1;
		memcpy(minute.text, s, sizeof minute.text);
		minute.at = *ms - in_minute;
	}
	*ms = minute.at + in_minute;
	return 0;
}

int
clock_parse_sql(const char *s, int64_t *ms)
{
	char text[CLOCK_TEXT];
	size_t len = strlen(s);

	/* This is RFC 3339 without the zone. */
	if (len > sizeof text - 2)
		return -1;
	memcpy(text, s, len + 1);
	text[len] = 'Z';
	return clock_parse(text, len + 1, ms);
}
