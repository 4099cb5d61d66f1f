/*
 * Tests of common/os/retry: delays for every random number, hints, budgets.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

static void
delays_stay_within_their_window(void **state)
{
	static const struct {
		unsigned attempt;
		int64_t base, cap, hint;
		uint32_t random;
		int64_t want;
	} cases[] = {
		/* full jitter: from zero to the whole window */
		{ 0, 100, 5000, -1, 0, 0 },
		{ 0, 100, 5000, -1, UINT32_MAX, 100 },
		{ 0, 100, 5000, -1, UINT32_MAX / 2, 50 },
		{ 1, 100, 5000, -1, UINT32_MAX, 200 },
		{ 5, 100, 5000, -1, UINT32_MAX, 3200 },
		{ 6, 100, 5000, -1, UINT32_MAX, 5000 },
		/* no overflow, however long it goes on */
		{ 63, 100, 5000, -1, UINT32_MAX, 5000 },
		{ UINT32_MAX, 1, 5000, -1, UINT32_MAX, 5000 },
		{ 100, INT64_MAX / 2, INT64_MAX, -1, UINT32_MAX,
		    (int64_t)UINT32_MAX - 1 },
		{ 3, 0, 5000, -1, UINT32_MAX, 0 },
		{ 3, -5, 5000, -1, UINT32_MAX, 0 },
		/* a longer hint wins; a shorter one does not */
		{ 0, 100, 5000, 7000, 12345, 7000 },
		{ 9, 100, 5000, 0, UINT32_MAX, 5000 },
		{ 0, 100, 5000, 1, UINT32_MAX / 2, 50 },
		{ 0, 100, 5000, 90000, 0, 90000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t got = retry_delay(cases[i].attempt, cases[i].base,
		    cases[i].cap, cases[i].hint, cases[i].random);

		if (got != cases[i].want)
			fail_msg("case %zu: %lld, not %lld", i, (long long)got,
			    (long long)cases[i].want);
	}
}

static void
a_budget_ends_the_trying(void **state)
{
	struct retry r = RETRY_INIT(1, 4, 30);
	unsigned n = 0;

	(void)state;
	for (;;) {
		int64_t delay = retry_next(&r, -1);

		if (delay < 0)
			break;
		assert_in_range(delay, 0, 4);
		(void)stop_sleep(delay + 1);
		assert_true(++n < 1000);
	}
	assert_true(n >= 1);
	retry_reset(&r);
	assert_true(retry_next(&r, -1) >= 0);
}

static void
a_hint_behind_the_budget_is_not_waited_for(void **state)
{
	struct retry r = RETRY_INIT(1, 4, 1000);

	(void)state;
	assert_int_equal(retry_next(&r, 500), 500);
	assert_int_equal(retry_next(&r, 60000), -1);
}

static void
no_budget_at_all_fails_at_once(void **state)
{
	struct retry r = RETRY_INIT(1, 4, 0);

	(void)state;
	assert_int_equal(retry_next(&r, -1), -1);
}

int
test_retry(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_stay_within_their_window),
		cmocka_unit_test(a_budget_ends_the_trying),
		cmocka_unit_test(a_hint_behind_the_budget_is_not_waited_for),
		cmocka_unit_test(no_budget_at_all_fails_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
