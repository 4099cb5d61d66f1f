/*
 * Tests of common/output/duration: how a person reads a length of time.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "common/output/output_table.h"

static void
durations_are_readable(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} texts[] = {
		{ 0, "0.0s" },
		{ 449, "0.4s" },
		{ 9999, "9.9s" },
		{ 10000, "10s" },
		{ 59999, "59s" },
		{ 60000, "1m00s" },
		{ 192000, "3m12s" },
		{ 3599999, "59m59s" },
		{ 7500000, "2h05m" },
		{ 86400000, "1d00h" },
		{ 356400000, "4d03h" },
	};
	char text[DURATION_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++)
		assert_string_equal(
		    duration_format(texts[i].ms, text), texts[i].want);
}

int
test_duration(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
