/*
 * Tests of reaper/close/close: the limit on gone chats.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "reaper/close/close.h"

static void
more_than_a_fifth_and_more_than_ten(void **state)
{
	static const struct {
		uint64_t gone, known;
		bool want;
	} cases[] = {
		{ 0, 0, false },
		{ 1, 1, false },
		{ 10, 10, false },
		{ 10, 1000, false },
		{ 11, 11, true },
		{ 11, 54, true },
		{ 11, 55, false },
		{ 20, 100, false },
		{ 21, 100, true },
		{ 1000, 1000000, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (close_gone_is_too_many(
			cases[i].gone, cases[i].known, 20, 10) != cases[i].want)
			fail_msg("%llu of %llu",
			    (unsigned long long)cases[i].gone,
			    (unsigned long long)cases[i].known);
	}
	assert_false(close_gone_is_too_many(50, 50, 100, 10));
	assert_true(close_gone_is_too_many(1, 50, 0, 0));
}

int
test_close(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_a_fifth_and_more_than_ten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
