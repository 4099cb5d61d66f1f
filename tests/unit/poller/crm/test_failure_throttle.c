/*
 * Tests of poller/crm/failure (the pauses that CRMs request) and
 * poller/crm/fetch (the difference between their clocks and ours.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/crm/failure.h"
#include "poller/crm/fetch.h"

/* 2026-11-20T10:00:05Z */
#define NOW INT64_C(1795168805000)

static const struct {
	const char *name;
	const char *retry_after, *reset, *remaining;
	enum throttle_case answer;
	int64_t period_ms, want;
} cases[] = {
	{ "seconds", "30", "", "", THROTTLE_REFUSED, 0, 30000 },
	{ "a fraction of a second", "1.5", "", "", THROTTLE_REFUSED, 0, 1500 },
	{ "no wait at all", "0", "", "", THROTTLE_REFUSED, 0, 0 },
	{ "a date", "Fri, 20 Nov 2026 10:00:35 GMT", "", "", THROTTLE_REFUSED,
	    0, 30000 },
	{ "a date in the past says nothing", "Fri, 20 Nov 2026 09:00:00 GMT",
	    "", "", THROTTLE_REFUSED, 0, -1 },
	{ "ten years are not believed", "315360000", "", "", THROTTLE_REFUSED,
	    0, THROTTLE_MAX_MS },
	{ "nor more digits than a number has",
	    "99999999999999999999999999999999", "", "", THROTTLE_REFUSED, 0,
	    THROTTLE_MAX_MS },
	{ "a date in ten years", "Sun, 20 Nov 2036 10:00:00 GMT", "", "",
	    THROTTLE_REFUSED, 0, THROTTLE_MAX_MS },
	{ "negative seconds say nothing", "-5", "", "", THROTTLE_REFUSED, 0,
	    -1 },
	{ "words say nothing", "soon", "", "", THROTTLE_REFUSED, 0, -1 },
	{ "reset in Unix seconds", "", "1795168825", "", THROTTLE_REFUSED, 0,
	    20000 },
	{ "reset in Unix milliseconds", "", "1795168825500", "",
	    THROTTLE_REFUSED, 0, 20500 },
	{ "reset in seconds to go", "", "20", "", THROTTLE_REFUSED, 0, 20000 },
	{ "reset in the past says nothing", "", "1795168000", "",
	    THROTTLE_REFUSED, 0, -1 },
	{ "Retry-After comes before reset", "3", "20", "", THROTTLE_REFUSED, 0,
	    3000 },
	{ "so does no wait at all", "0", "20", "", THROTTLE_REFUSED, 0, 0 },
	{ "a date in this second means no wait",
	    "Fri, 20 Nov 2026 10:00:05 GMT", "20", "", THROTTLE_REFUSED, 0, 0 },
	{ "a reset now comes before the period", "", "0", "", THROTTLE_REFUSED,
	    60000, 0 },
	{ "nothing but a period: its end", "", "", "", THROTTLE_REFUSED, 60000,
	    55000 },
	{ "nothing at all: back off", "", "", "", THROTTLE_REFUSED, 0, -1 },
	{ "calls are left", "", "20", "5", THROTTLE_GIVEN, 60000, -1 },
	{ "no call is left", "", "20", "0", THROTTLE_GIVEN, 0, 20000 },
	{ "no call is left, until the period ends", "", "", "0", THROTTLE_GIVEN,
	    60000, 55000 },
	{ "a busy CRM may say when", "30", "20", "5", THROTTLE_BUSY, 60000,
	    30000 },
	{ "a busy CRM that does not", "", "3000", "4990", THROTTLE_BUSY,
	    3600000, -1 },
	{ "nor says how many calls are left", "", "", "", THROTTLE_BUSY,
	    3600000, -1 },
	{ "a busy CRM, and no call is left", "", "20", "0", THROTTLE_BUSY, 0,
	    20000 },
	{ "an answer that was given needs no wait", "30", "20", "",
	    THROTTLE_GIVEN, 0, -1 },
};

static void
each_signal_is_understood(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_answer_headers told = { .date_ms = NOW };
		int64_t got;

		(void)snprintf(told.value[HTTP_RETRY_AFTER],
		    sizeof told.value[HTTP_RETRY_AFTER], "%s",
		    cases[i].retry_after);
		(void)snprintf(told.value[HTTP_RESET],
		    sizeof told.value[HTTP_RESET], "%s", cases[i].reset);
		(void)snprintf(told.value[HTTP_REMAINING],
		    sizeof told.value[HTTP_REMAINING], "%s",
		    cases[i].remaining);
		got = throttle_wait(
		    &told, cases[i].answer, NOW, cases[i].period_ms);
		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].name,
			    (long long)got, (long long)cases[i].want);
	}
}

static const struct {
	const char *name;
	int64_t sent, got, date, want;
} skews[] = {
	{ "the same", 10000, 10050, 10000, 0 },
	{ "our clock late in the CRM's second", 10990, 10999, 10000, 0 },
	{ "within a second behind", 9100, 9150, 10000, 0 },
	{ "within two seconds ahead", 11900, 11950, 10000, 0 },
	{ "a slow answer that may be right", 5000, 10500, 10000, 0 },
	{ "we are behind", 1000, 2000, 10000, 9000 },
	{ "we are ahead", 100000, 101000, 10000, -90000 },
};

static void
only_a_real_difference_is_corrected(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(skews); i++) {
		struct skew s = { .offset_ms = 77 };

		skew_update(&s, skews[i].sent, skews[i].got, skews[i].date);
		if (s.offset_ms != skews[i].want)
			fail_msg("%s: got %lld, want %lld", skews[i].name,
			    (long long)s.offset_ms, (long long)skews[i].want);
		assert_true(s.known);
		assert_int_equal(skew_apply(&s, 1), 1 + skews[i].want);
	}
}

static void
without_a_date_the_last_skew_stays(void **state)
{
	struct skew s = { .offset_ms = 77 };

	(void)state;
	skew_update(&s, 1, 2, CLOCK_NONE);
	skew_update(&s, 1, 2, 366 * DAY_MS); /* no clock is so wrong */
	assert_int_equal(s.offset_ms, 77);
	assert_false(s.known);
}

int
test_failure_throttle(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_is_understood),
		cmocka_unit_test(only_a_real_difference_is_corrected),
		cmocka_unit_test(without_a_date_the_last_skew_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
