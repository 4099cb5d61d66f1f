/*
 * Tests of common/base/clock: writes RFC 3339, compared with gmtime. The text
 * case times of the aggregator tests what is read.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

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
		cmocka_unit_test(time_to_text_agrees_with_gmtime),
		cmocka_unit_test(onward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
