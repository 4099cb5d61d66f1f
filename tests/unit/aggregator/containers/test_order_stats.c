/*
 * Tests of aggregator/containers/order_stats: compared with sorting, while
 * elements are added and removed.
 */
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/containers/order_stats.h"

#define MOST 6000

/* A naive version, which sorts for each query. */
struct naive {
	int64_t v[MOST];
	size_t n;
};

static uint64_t state_of_dice = DICE_START;

static uint64_t
dice(uint64_t below)
{
	return dice_below(&state_of_dice, below);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
check(struct order_stats *r, const struct naive *n)
{
	static int64_t v[MOST];
	tally_wide sum = 0;
	size_t i, k;

	assert_int_equal(r->n, n->n);
	memcpy(v, n->v, n->n * sizeof *v);
	qsort(v, n->n, sizeof *v, compare);
	for (i = 0; i < n->n; i++)
		sum += v[i];
	assert_true(r->sum == sum);
	if (n->n == 0) {
		assert_int_equal(order_stats_min(r), TALLY_NONE);
		assert_int_equal(order_stats_max(r), TALLY_NONE);
		assert_int_equal(order_stats_median(r), TALLY_NONE);
		assert_int_equal(order_stats_percentile(r, 90), TALLY_NONE);
		return;
	}
	assert_int_equal(
	    order_stats_percentile(r, 90), v[(n->n * 9 + 9) / 10 - 1]);
	if (n->n % 2 == 1)
		assert_int_equal(order_stats_median(r), v[n->n / 2]);
	for (i = 0; i < 5; i++) {
		k = dice(n->n) + 1;
		assert_int_equal(order_stats_at(r, k), v[k - 1]);
	}
	assert_int_equal(order_stats_min(r), v[0]);
	assert_int_equal(order_stats_max(r), v[n->n - 1]);
}

/* values: the number of different values. */
static void
play(uint64_t values, size_t rounds, uint64_t removals, size_t often)
{
	static struct naive n;
	struct order_stats r = { .n = 0 };
	size_t i, k;

	n.n = 0;
	for (i = 0; i < rounds; i++) {
		if (n.n > 0 && (n.n == MOST || dice(100) < removals)) {
			k = dice(n.n);
			order_stats_remove(&r, n.v[k]);
			n.v[k] = n.v[--n.n];
		} else {
			n.v[n.n] = (int64_t)dice(values) - 3;
			order_stats_insert(&r, n.v[n.n++]);
		}
		if (dice(often) == 0)
			check(&r, &n);
	}
	while (n.n > 0 && removals > 0)
		order_stats_remove(&r, n.v[--n.n]);
	check(&r, &n);
	order_stats_release(&r);
}

static void
elements_come_and_go(void **state)
{
	(void)state;
	play(1000000, 20000, 30, 50);
	play(1000000, 20000, 49, 50);
	play(3, 20000, 40, 50);
	play(1, 3000, 40, 20);
	play(5000, 300, 50, 1);
}

static void
elements_only_come(void **state)
{
	size_t round;

	(void)state;
	for (round = 0; round < 200; round++) {
		play(1 + dice(1000000), 1 + dice(200), 0, 100);
		play(1 + dice(5), 1 + dice(200), 0, 100);
	}
	for (round = 0; round < 5; round++)
		play(1 + dice(1000), MOST, 0, MOST);
}

int
test_order_stats(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_and_go),
		cmocka_unit_test(elements_only_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
