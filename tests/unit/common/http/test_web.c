/*
 * Tests of common/http/web: which paths match which patterns.
 */
#include "tests/unit/unit.h"

#include "common/http/web.h"

static void
patterns_fit_what_they_should(void **state)
{
	size_t len;

	(void)state;
	assert_true(path_pattern_fits("/a/{x}/{y}", "/a/b/c"));
	assert_false(path_pattern_fits("/a/{x}/{y}", "/a/b/"));
	assert_false(path_pattern_fits("/a/{x}/{y}", "/a//c"));
	assert_false(path_pattern_fits("/a/{x}/{y}", "/a/b/c/d"));
	assert_false(path_pattern_fits("/a/{x}", "/a"));
	assert_false(path_pattern_fits("/a", "/a/"));
	assert_true(path_pattern_fits("/a/{*rest}", "/a/b"));
	assert_true(path_pattern_fits("/a/{*rest}", "/a//b/c/"));
	assert_false(path_pattern_fits("/a/{*rest}", "/a/"));
	assert_false(path_pattern_fits("/a/{*rest}", "/b/c"));
	assert_memory_equal(path_pattern_part("/a/bc/d", 1, &len), "bc", 2);
	assert_int_equal(len, 2);
	(void)path_pattern_part("/a/bc/d", 3, &len);
	assert_int_equal(len, 0);
}

int
test_web(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_fit_what_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
