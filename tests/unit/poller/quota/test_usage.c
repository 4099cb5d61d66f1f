/*
 * Tests of poller/usage: what runs cost is remembered for two weeks, also after
 * one whose clock was ahead.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "poller/quota/usage.h"

#define NOW INT64_C(1795000000000)

static uint64_t
runs(struct store *s)
{
	struct call_usage hours[24];
	uint64_t n = 0;
	size_t i;

	usage_hours(s, USAGE_POLL, hours);
	for (i = 0; i < 24; i++)
		n += hours[i].runs;
	return n;
}

static void
usage_ages(void **state)
{
	static const struct {
		int64_t at;
		uint64_t runs; /* remembered then */
	} cases[] = {
		{ NOW - 15 * DAY_MS, 1 },
		{ NOW + 365 * DAY_MS, 1 },
		{ NOW, 1 }, /* that of a year ahead is forgotten */
		{ NOW + HOUR_MS, 2 },
		{ NOW, 3 }, /* a clock that is set back a little */
		{ NOW + 13 * DAY_MS, 4 },
		{ NOW + 15 * DAY_MS, 2 },
	};
	const struct call_usage u = { .runs = 1 };
	struct store *s;
	size_t i;

	(void)state;
	s = open_store(".", "t1", STORE_EXCLUSIVE);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		usage_add_run(s, USAGE_POLL, cases[i].at, &u);
		commit_store(s);
		assert_int_equal(runs(s), cases[i].runs);
	}
	store_close(s);
}

static void
a_span_does_not_begin_in_the_future(void **state)
{
	static const int64_t at[] = { NOW + 365 * DAY_MS, NOW,
		NOW + 2 * HOUR_MS };
	const struct call_usage u = { .runs = 1 };
	struct store *s;
	size_t i;

	(void)state;
	s = open_store(".", "t2", STORE_EXCLUSIVE);
	for (i = 0; i < ARRAY_LEN(at); i++) {
		usage_add_run(s, USAGE_POLL, at[i], &u);
		commit_store(s);
	}
	assert_int_equal(usage_span(s, USAGE_POLL), 2 * HOUR_MS);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_ages),
		cmocka_unit_test(a_span_does_not_begin_in_the_future),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
