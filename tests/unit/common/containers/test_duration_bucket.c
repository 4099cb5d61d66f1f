/*
 * Tests of common/containers/duration_bucket: buckets follow each other without
 * a gap and are as narrow as documented.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"

static void
buckets_follow_each_other(void **state)
{
	uint32_t b;

	(void)state;
	assert_int_equal(duration_bucket_low(0), 0);
	for (b = 0; b < 1500; b++) {
		assert_int_equal(
		    duration_bucket_high(b) + 1, duration_bucket_low(b + 1));
		assert_true(duration_bucket_high(b) >= duration_bucket_low(b));
		assert_int_equal(duration_bucket(duration_bucket_low(b)), b);
		assert_int_equal(duration_bucket(duration_bucket_high(b)), b);
	}
	/* Far beyond any duration. */
	assert_true(duration_bucket_low(1500) > INT64_C(1) << 50);
}

static void
a_bucket_is_at_most_a_32nd_wide(void **state)
{
	uint32_t b;

	(void)state;
	for (b = 64; b < 1500; b++) {
		int64_t low = duration_bucket_low(b),
			high = duration_bucket_high(b);

		assert_true((high - low) * 32 < low);
		/* The distance from the middle to either end, doubled to avoid
		 * halves. */
		assert_true((low + high - 2 * low) * 64 < 2 * low);
		assert_true((2 * high - (low + high)) * 64 < 2 * high);
	}
	for (b = 0; b < 64; b++)
		assert_int_equal(
		    duration_bucket_high(b), duration_bucket_low(b));
}

static void
known_buckets(void **state)
{
	static const struct {
		int64_t ms;
		uint32_t bucket;
	} cases[] = { { -5, 0 }, { 0, 0 }, { 1, 1 }, { 63, 63 }, { 64, 64 },
		{ 65, 64 }, { 66, 65 }, { 127, 95 }, { 128, 96 },
		{ 60000, 378 }, { 86400000, 713 } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(duration_bucket(cases[i].ms), cases[i].bucket);
}

int
test_duration_bucket(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other),
		cmocka_unit_test(a_bucket_is_at_most_a_32nd_wide),
		cmocka_unit_test(known_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
