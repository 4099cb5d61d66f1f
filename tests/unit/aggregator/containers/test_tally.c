/*
 * Tests of aggregator/containers/order_stats and tally: rounding, medians,
 * nearest rank, emptiness.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"

#include "aggregator/containers/order_stats.h"

#define MAX 10

static const struct {
	const char *name;
	int64_t v[MAX];
	size_t n;
	int64_t mean, median, p90;
} cases[] = {
	{ "nothing is NULL", { 0 }, 0, TALLY_NONE, TALLY_NONE, TALLY_NONE },
	{ "zero is not NULL", { 0 }, 1, 0, 0, 0 },
	{ "one", { 1500 }, 1, 1500, 1500, 1500 },
	{ "half a millisecond goes up", { 1, 2 }, 2, 2, 2, 2 },
	{ "a third goes down", { 0, 0, 1 }, 3, 0, 0, 1 },
	{ "two thirds go up", { 1, 1, 0 }, 3, 1, 1, 1 },
	{ "median of an odd number, unsorted", { 9, 1, 5 }, 3, 5, 5, 9 },
	{ "median of an even number", { 1000, 10, 20, 40 }, 4, 268, 30, 1000 },
	{ "p90 of ten is the ninth", { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 }, 10, 6,
	    6, 9 },
	{ "p90 of nine is the ninth", { 9, 8, 7, 6, 5, 4, 3, 2, 1 }, 9, 5, 5,
	    9 },
	{ "sums above 64 bits", { INT64_MAX, INT64_MAX, INT64_MAX - 3 }, 3,
	    INT64_MAX - 1, INT64_MAX, INT64_MAX },
};

static void
metrics_are_exact(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct order_stats s = { .n = 0 };

		for (j = 0; j < cases[i].n; j++)
			order_stats_insert(&s, cases[i].v[j]);
		if (order_stats_mean(&s) != cases[i].mean ||
		    order_stats_median(&s) != cases[i].median ||
		    order_stats_percentile(&s, 90) != cases[i].p90)
			fail_msg("%s: mean %lld median %lld p90 %lld",
			    cases[i].name, (long long)order_stats_mean(&s),
			    (long long)order_stats_median(&s),
			    (long long)order_stats_percentile(&s, 90));
		order_stats_release(&s);
	}
}

static void
a_ranks_may_grow_after_it_was_read(void **state)
{
	struct order_stats s = { .n = 0 };

	(void)state;
	order_stats_insert(&s, 30);
	order_stats_insert(&s, 10);
	assert_int_equal(order_stats_median(&s), 20);
	order_stats_insert(&s, 5);
	assert_int_equal(order_stats_median(&s), 10);
	order_stats_release(&s);
}

static void
percentiles_take_the_nearest_rank(void **state)
{
	static const struct {
		unsigned percent;
		int64_t want;
	} ranks[] = { { 1, 1 }, { 25, 1 }, { 26, 2 }, { 50, 2 }, { 51, 3 },
		{ 75, 3 }, { 90, 4 }, { 100, 4 } };
	struct order_stats s = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 4; i > 0; i--)
		order_stats_insert(&s, (int64_t)i);
	for (i = 0; i < ARRAY_LEN(ranks); i++)
		assert_int_equal(order_stats_percentile(&s, ranks[i].percent),
		    ranks[i].want);
	order_stats_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_exact),
		cmocka_unit_test(a_ranks_may_grow_after_it_was_read),
		cmocka_unit_test(percentiles_take_the_nearest_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
