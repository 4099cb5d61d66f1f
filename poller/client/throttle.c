/*
 * throttle: see throttle.h. Pure.
 */
#include "poller/client/throttle.h"

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/text.h"

/* Numbers from these on are points in time, in seconds or milliseconds. */
#define SECONDS_FROM 100000000.0 /* 1973 */
#define MILLISECONDS_FROM 100000000000.0

/* Digits with an optional fraction; -1 if it is anything else. */
static double
parse_number(const char *s)
{
	double n = 0, scale = 1;

	if (!text_is_digit(*s))
		return -1;
	for (; text_is_digit(*s); s++)
		n = n * 10 + (*s - '0');
	if (*s == '.')
		s++;
	for (; text_is_digit(*s); s++) {
		scale /= 10;
		n += (*s - '0') * scale;
	}
	return *s == '\0' ? n : -1;
}

static int64_t
bounded(double ms)
{
	if (ms < 0)
		return -1;
	return ms < (double)THROTTLE_MAX_MS ? (int64_t)ms : THROTTLE_MAX_MS;
}

static int64_t
by_retry_after(const char *text, int64_t now_ms)
{
	double seconds = parse_number(text);
	int64_t date;

	if (seconds >= 0)
		return bounded(seconds * 1000);
	if (*text == '\0' || *text == '-')
		return -1;
	date = http_date(text);
	return date == CLOCK_NONE ? -1 : bounded((double)(date - now_ms));
}

/* The header has the seconds left, or a point in time in seconds or
 * milliseconds. */
static int64_t
by_reset(const char *text, int64_t now_ms)
{
	double n = parse_number(text);

	if (n < 0)
		return -1;
	if (n >= MILLISECONDS_FROM)
		return bounded(n - (double)now_ms);
	if (n >= SECONDS_FROM)
		return bounded(n * 1000 - (double)now_ms);
	return bounded(n * 1000);
}

int64_t
throttle_wait(const struct http_answer_headers *headers,
    enum throttle_case answer, int64_t now_ms, int64_t period_ms)
{
	bool used_up =
	    answer == THROTTLE_REFUSED || parse_number(headers->remaining) == 0;
	int64_t wait = -1;

	if (answer != THROTTLE_GIVEN)
		wait = by_retry_after(headers->retry_after, now_ms);
	if (wait < 0 && used_up)
		wait = by_reset(headers->reset, now_ms);
	if (wait < 0 && used_up && period_ms > 0)
		wait = bounded((double)(period_ms - now_ms % period_ms));
	return wait;
}
