/*
 * Tests of common/clock: reads and writes RFC 3339, compared with gmtime.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#define BAD CLOCK_NONE

static const struct {
	const char *in;
	int64_t want;
} cases[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-20T10:00:00.123Z", INT64_C(1795168800123) },
	/* In the same minute as the last one. */
	{ "2026-11-20T10:00:59.999Z", INT64_C(1795168859999) },
	{ "2026-11-20T10:00:60.500Z", INT64_C(1795168860000) },
	{ "2026-11-20T10:00:0:.000Z", BAD },
	{ "2026-11-20T10:00:00.0:0Z", BAD },
	{ "2026-11-20T10:00:00.00:Z", BAD },
	{ "2026-11-20T10:00:00.xx0Z", BAD },
	{ "2026-11-20 10:00:00.123Z", INT64_C(1795168800123) },
	{ "2026-11-20t10:00:00.123z", INT64_C(1795168800123) },
	{ "2026-11-20T10:00:00.123999999Z", INT64_C(1795168800123) },
	{ "2026-11-20T10:00:00.1Z", INT64_C(1795168800100) },
	{ "2026-11-20T12:30:00.123+02:30", INT64_C(1795168800123) },
	{ "2026-11-20T05:00:00.123-05:00", INT64_C(1795168800123) },
	{ "1969-12-31T23:59:59.999Z", -1 },
	{ "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
	{ "2016-12-31T23:59:60.5Z", INT64_C(1483228800000) },
	{ "2000-02-29T00:00:00Z", INT64_C(951782400000) },
	{ "2026-11-20T10:00:00.123+23:59", INT64_C(1795082460123) },
	{ "2023-02-29T00:00:00Z", BAD },
	{ "2100-02-29T00:00:00Z", BAD },
	{ "2026-11-20T10:00:00+24:00", BAD },
	{ "2026-11-20T10:00:00+23:60", BAD },
	{ "2026-11-20T10:60:00Z", BAD },
	{ "2026-11-20T10:00:61Z", BAD },
	{ "2026-13-01T00:00:00Z", BAD },
	{ "2026-11-20T24:00:00Z", BAD },
	{ "2026-11-20T10:00:00", BAD },
	{ "2026-11-20T10:00:00.Z", BAD },
	{ "2026-11-20T10:00:00+0200", BAD },
	{ "2026-11-20T10:00:00Zx", BAD },
	{ "2026-11-2OT10:00:00Z", BAD },
	{ "0000-01-01T00:00:00Z", BAD },
	{ "0001-01-01T00:00:00.000Z", INT64_C(-62135596800000) },
	{ "0000-12-31T23:59:59-00:01", INT64_C(-62135596741000) },
	{ "0000-12-31T23:59:59.000Z", BAD },
	{ "000x-12-31T23:59:59.000Z", BAD },
	{ "0001-01-01T00:00:00.000+00:01", BAD },
	{ "0001-01-01T00:00:59.999+00:01", BAD },
	{ "9999-12-31T23:59:59.999Z", INT64_C(253402300799999) },
	{ "9999-12-31T23:59:59.999-00:01", BAD },
	{ "9999-12-31T23:59:60.000Z", BAD },
	{ "", BAD },
};

static void
text_to_time(void **state)
{
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		got = BAD;
		if (clock_parse(cases[i].in, strlen(cases[i].in), &got) == -1)
			got = BAD;
		if (got != cases[i].want)
			fail_msg("'%s': %lld", cases[i].in, (long long)got);
	}
}

static void
time_to_text_agrees_with_gmtime(void **state)
{
	char got[CLOCK_TEXT], want[64];
	int64_t ms, back = 0;
	struct tm tm;
	time_t t;

	(void)state;
	/* An odd step, so that all fields take all values. */
	for (ms = INT64_C(-2208988800000); ms < INT64_C(4102444800000);
	     ms += INT64_C(3196800000) + 3599917) {
		t = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
		assert_non_null(gmtime_r(&t, &tm));
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(
		    want + 19, 8, ".%03dZ", (int)((ms % 1000 + 1000) % 1000));
		assert_int_equal(clock_format(ms, got), 24);
		assert_string_equal(got, want);
		assert_int_equal(clock_parse(got, 24, &back), 0);
		assert_int_equal(back, ms);
	}
	assert_int_equal(clock_format_sql(0, got), 23);
	assert_string_equal(got, "1970-01-01 00:00:00.000");
	/* The day after the last one does not come before all others. */
	clock_format(INT64_C(253402300799999) + 1, got);
	assert_string_equal(got, "9999-12-31T23:59:59.999Z");
	clock_format(INT64_C(-62135596800000) - 1, got);
	assert_string_equal(got, "0001-01-01T00:00:00.000Z");
}

/* The clock follows the system clock forward. When the system clock is set
 * back, ours continues, and follows it again once it is ahead. */
static void
onward(void **state)
{
	struct clock_onward c = { 0, 0 };
	const int64_t t = INT64_C(1795168800000);

	(void)state;
	assert_int_equal(clock_onward(&c, t, 700), t);
	assert_int_equal(clock_onward(&c, t + 50, 750), t + 50);
	assert_int_equal(clock_onward(&c, t + HOUR_MS, 760), t + HOUR_MS);
	assert_int_equal(clock_onward(&c, t + 70, 770), t + HOUR_MS + 10);
	assert_int_equal(
	    clock_onward(&c, t - DAY_MS, 1770), t + HOUR_MS + 1010);
	assert_int_equal(c.now_ms, t + HOUR_MS + 1010);
	assert_int_equal(
	    clock_onward(&c, t + 2 * HOUR_MS, 1780), t + 2 * HOUR_MS);
}

int
test_clock(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_to_time),
		cmocka_unit_test(time_to_text_agrees_with_gmtime),
		cmocka_unit_test(onward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
