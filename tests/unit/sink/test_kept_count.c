/*
 * Tests of sink/kept_count: a large count is kept for its time, of its tenant
 * and what was counted alone; a small one never; old ones make room.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "sink/resources/kept_count.h"

#define MANY 200000 /* kept for 40 s */

static void
a_large_count_is_kept_for_a_while(void **state)
{
	int64_t n = -1;

	(void)state;
	kept_count_keep("a", "month", 1000, MANY);
	assert_true(kept_count_find("a", "month", 40999, &n));
	assert_int_equal(n, MANY);
	assert_false(kept_count_find("a", "month", 41000, &n));
	assert_false(kept_count_find("a", "week", 2000, &n));
	assert_false(kept_count_find("b", "month", 2000, &n));
	kept_count_keep("a", "month", 41000, 100 * MANY);
	assert_true(kept_count_find("a", "month", 100999, &n));
	assert_false(kept_count_find("a", "month", 101000, &n));
}

static void
a_small_count_is_not_kept(void **state)
{
	int64_t n = -1;

	(void)state;
	kept_count_keep("small", "month", 1000, KEPT_COUNT_LEAST - 1);
	assert_false(kept_count_find("small", "month", 1000, &n));
	kept_count_keep("small", "month", 1000, KEPT_COUNT_LEAST);
	assert_true(kept_count_find("small", "month", 1000, &n));
}

static void
old_ones_make_room(void **state)
{
	char name[32];
	int64_t n = -1, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "t%d", (int)i);
		kept_count_keep(name, "month", 200000 + i, MANY + i);
		assert_true(kept_count_find(name, "month", 200000 + i, &n));
		assert_int_equal(n, MANY + i);
	}
	assert_false(kept_count_find("t0", "month", 201000, &n));
	assert_true(kept_count_find("t990", "month", 201000, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_count_is_kept_for_a_while),
		cmocka_unit_test(a_small_count_is_not_kept),
		cmocka_unit_test(old_ones_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
