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

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/resources/count_cache.h"

#define MANY 200000

/* A count of such a period is kept for so long. */
#define KEPT_MS 40000
#define PERIOD_MS ((int64_t)KEPT_MS * COUNT_CACHE_PART)

static void
put(const char *tenant, const char *what, int64_t now_ms, int64_t n)
{
	count_cache_put(
	    &(struct count_cache_key){ tenant, what, PERIOD_MS }, now_ms, n);
}

static bool
find(const char *tenant, const char *what, int64_t now_ms, int64_t *n)
{
	return count_cache_find(
	    &(struct count_cache_key){ tenant, what, PERIOD_MS }, now_ms, n);
}

static void
a_large_count_is_kept_for_a_while(void **state)
{
	const struct count_cache_key long_one = { "a", "month", 2 * PERIOD_MS };
	int64_t n = -1;

	(void)state;
	put("a", "month", 1000, MANY);
	assert_true(find("a", "month", 40999, &n));
	assert_int_equal(n, MANY);
	assert_false(find("a", "month", 41000, &n));
	assert_false(find("a", "week", 2000, &n));
	assert_false(find("b", "month", 2000, &n));
	count_cache_put(&long_one, 41000, MANY);
	assert_true(find("a", "month", 90999, &n));
	assert_false(find("a", "month", 91000, &n));
}

static void
a_small_count_is_not_kept(void **state)
{
	int64_t n = -1;

	(void)state;
	put("small", "month", 1000, COUNT_CACHE_LEAST - 1);
	assert_false(find("small", "month", 1000, &n));
	put("small", "month", 1000, COUNT_CACHE_LEAST);
	assert_true(find("small", "month", 1000, &n));
}

static void
old_ones_make_room(void **state)
{
	char name[32];
	int64_t n = -1, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "t%d", (int)i);
		put(name, "month", 200000 + i, MANY + i);
		assert_true(find(name, "month", 200000 + i, &n));
		assert_int_equal(n, MANY + i);
	}
	assert_false(find("t0", "month", 201000, &n));
	assert_true(find("t990", "month", 201000, &n));
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
	const struct count_cache_key key = { c->tenant, "month", PERIOD_MS };
	int64_t n = 0;

	if (count_cache_get(&key, count_slowly, c, &n) && n == c->n)
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

/* Until all others have their answer. */
static bool
count_last(void *ctx, int64_t *n)
{
	struct counted *c = ctx;
	int64_t patience = clock_mono_ms() + 20000;

	atomic_fetch_add(&c->runs, 1);
	while (c->good < THREADS && clock_mono_ms() < patience)
		(void)poll(NULL, 0, 1);
	*n = c->n + 1;
	return c->good == THREADS;
}

static void *
count_anew(void *ctx)
{
	struct counted *c = ctx;
	const struct count_cache_key key = { c->tenant, "month", PERIOD_MS };
	int64_t n = 0;

	if (count_cache_get(&key, count_last, c, &n) && n == c->n + 1)
		atomic_fetch_add(&c->good, 1);
	return NULL;
}

static void
nobody_waits_for_what_is_counted_anew(void **state)
{
	struct counted c = { .tenant = "anew", .n = MANY };
	pthread_t counting, threads[THREADS];
	size_t i;

	(void)state;
	put(c.tenant, "month", clock_mono_ms() - KEPT_MS, c.n);
	assert_int_equal(pthread_create(&counting, NULL, count_anew, &c), 0);
	while (c.runs == 0)
		(void)poll(NULL, 0, 1);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask_for_it, &c), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(pthread_join(counting, NULL), 0);
	assert_int_equal(c.runs, 1);
	assert_int_equal(c.good, THREADS + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_count_is_kept_for_a_while),
		cmocka_unit_test(a_small_count_is_not_kept),
		cmocka_unit_test(old_ones_make_room),
		cmocka_unit_test(those_who_ask_at_once_wait_for_one_count),
		cmocka_unit_test(nobody_waits_for_what_is_counted_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
