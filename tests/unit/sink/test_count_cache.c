/*
 * Tests of sink/count_cache: a large count is kept for its time, of its tenant
 * and what was counted alone; a small one never; old ones make room; those who
 * ask for the same at once wait for one count.
 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/base/xalloc.h"
#include "sink/resources/count_cache.h"

#define MANY 200000 /* kept for 40 s */

static void
a_large_count_is_kept_for_a_while(void **state)
{
	int64_t n = -1;

	(void)state;
	count_cache_put("a", "month", 1000, MANY);
	assert_true(count_cache_find("a", "month", 40999, &n));
	assert_int_equal(n, MANY);
	assert_false(count_cache_find("a", "month", 41000, &n));
	assert_false(count_cache_find("a", "week", 2000, &n));
	assert_false(count_cache_find("b", "month", 2000, &n));
	count_cache_put("a", "month", 41000, 100 * MANY);
	assert_true(count_cache_find("a", "month", 100999, &n));
	assert_false(count_cache_find("a", "month", 101000, &n));
}

static void
a_small_count_is_not_kept(void **state)
{
	int64_t n = -1;

	(void)state;
	count_cache_put("small", "month", 1000, COUNT_CACHE_LEAST - 1);
	assert_false(count_cache_find("small", "month", 1000, &n));
	count_cache_put("small", "month", 1000, COUNT_CACHE_LEAST);
	assert_true(count_cache_find("small", "month", 1000, &n));
}

static void
old_ones_make_room(void **state)
{
	char name[32];
	int64_t n = -1, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "t%d", (int)i);
		count_cache_put(name, "month", 200000 + i, MANY + i);
		assert_true(count_cache_find(name, "month", 200000 + i, &n));
		assert_int_equal(n, MANY + i);
	}
	assert_false(count_cache_find("t0", "month", 201000, &n));
	assert_true(count_cache_find("t990", "month", 201000, &n));
}

#define THREADS 8

struct counted {
	const char *tenant;
	int64_t n;       /* -1: the count fails */
	atomic_int runs; /* of the count */
	atomic_int good; /* answers */
};

static bool
count_slowly(void *ctx, int64_t *n)
{
	struct counted *c = ctx;

	atomic_fetch_add(&c->runs, 1);
	(void)poll(NULL, 0, 100);
	*n = c->n;
	return c->n >= 0;
}

static void *
ask_for_it(void *ctx)
{
	struct counted *c = ctx;
	int64_t n = 0;

	if (count_cache_get(c->tenant, "month", count_slowly, c, &n) &&
	    n == c->n)
		atomic_fetch_add(&c->good, 1);
	return NULL;
}

static void
those_who_ask_at_once_wait_for_one_count(void **state)
{
	struct counted cases[] = { { .tenant = "many", .n = MANY },
		{ .tenant = "few", .n = 7 }, { .tenant = "away", .n = -1 } };
	pthread_t threads[ARRAY_LEN(cases)][THREADS];
	size_t i, j;

	(void)state;
	for (j = 0; j < THREADS; j++)
		for (i = 0; i < ARRAY_LEN(cases); i++)
			assert_int_equal(pthread_create(&threads[i][j], NULL,
					     ask_for_it, &cases[i]),
			    0);
	for (j = 0; j < THREADS; j++)
		for (i = 0; i < ARRAY_LEN(cases); i++)
			assert_int_equal(pthread_join(threads[i][j], NULL), 0);
	assert_int_equal(cases[0].runs, 1);
	assert_int_equal(cases[0].good, THREADS);
	assert_int_equal(cases[1].runs, THREADS);
	assert_int_equal(cases[1].good, THREADS);
	assert_int_equal(cases[2].runs, THREADS);
	assert_int_equal(cases[2].good, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_count_is_kept_for_a_while),
		cmocka_unit_test(a_small_count_is_not_kept),
		cmocka_unit_test(old_ones_make_room),
		cmocka_unit_test(those_who_ask_at_once_wait_for_one_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
