/*
 * Tests of poller/crm/quota: the interval for a budget, and simulated months,
 * which the budget must last.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/crm/quota.h"

#define MONTH INT64_C(1793491200000) /* 2026-11-01 */
#define DAYS 30
#define END (MONTH + DAYS * DAY_MS)

/* One day of polls every minute around the clock was measured. */
static const struct {
	int64_t budget, used, days; /* that are over */
	double list, changes;       /* calls a minute */
	unsigned interval;
	double expected;
} cases[] = {
	{ 0, 5000, 10, 1, 0, 1, 5000 + 20 * 1440 },
	{ 100000, 5000, 10, 1, 1, 1, 5000 + 20 * 1440 * 2 },
	/* 28,224 are planned: 0.98 a minute, of which 0.5 are for changes */
	{ 28800, 0, 10, 1, 0.5, 3, 20 * 1440 * (1.0 / 3 + 0.5) },
	{ 28800, 0, 10, 1, 0, 2, 20 * 1440 * 0.5 },
	{ 28800, 20000, 10, 1, 0, 4, 20000 + 20 * 1440 * 0.25 },
	/* Reading the changes costs more than the budget; nothing is left. */
	{ 28800, 0, 10, 1, 1, PACE_SLOWEST, 20 * 1440 * (1 + 1.0 / 60) },
	{ 28800, 28800, 10, 1, 0, PACE_SLOWEST, 28800 + 20 * 1440 / 60 },
	{ 28800, 99999, 10, 1, 0, PACE_SLOWEST, 99999 + 20 * 1440 / 60 },
	/* a tiny budget */
	{ 1, 0, 10, 1, 0, PACE_SLOWEST, 20 * 1440 / 60 },
	/* the month is over */
	{ 28800, 10, 30, 1, 0, 1, 10 },
};

static void
the_interval_makes_the_budget_last(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t now = MONTH + cases[i].days * DAY_MS;
		const struct pace_month m = { cases[i].budget, cases[i].used,
			now, END, now - DAY_MS, 1440, 1440,
			1440 * cases[i].list, 1440 * cases[i].changes };
		struct pace p = pace_compute(&m);

		if (p.interval != cases[i].interval ||
		    p.expected < cases[i].expected - 0.5 ||
		    p.expected > cases[i].expected + 0.5)
			fail_msg("case %zu: every %u minutes, %f calls", i,
			    p.interval, p.expected);
	}
}

static void
every_poll_is_made_until_an_hour_was_measured(void **state)
{
	struct pace_month m = { 2, 1, MONTH, END, MONTH, 59, 59, 5900, 0 };

	(void)state;
	assert_int_equal(pace_compute(&m).interval, 1);
	m.used = 2;
	assert_int_equal(pace_compute(&m).interval, PACE_SLOWEST);
	m.used = 1;
	m.minutes = 60;
	assert_int_equal(pace_compute(&m).interval, PACE_SLOWEST);
}

/* Eleven of 24 hours. */
static void
office_hours_are_expected_to_go_on(void **state)
{
	const struct pace_month m = { 30000, 0, MONTH + 10 * DAY_MS, END,
		MONTH + 8 * DAY_MS, 2 * 660, 2 * 660, 2 * 660 * 2, 0 };
	struct pace p = pace_compute(&m);

	(void)state;
	assert_int_equal(p.interval, 1);
	assert_true(p.expected > 26399 && p.expected < 26401);
}

/* A job that cron runs every five minutes. */
static void
a_job_that_runs_less_often_is_taken_as_it_is(void **state)
{
	struct pace_month m = { 60000, 0, MONTH + 10 * DAY_MS, END,
		MONTH + 9 * DAY_MS, 288, 1440, 288 * 10, 0 };
	struct pace p = pace_compute(&m);

	(void)state;
	assert_true(p.apart == 5);
	assert_true(p.expected > 57599 && p.expected < 57601);
	m.budget = 30000;
	assert_int_equal(pace_compute(&m).interval, 10);
}

/* A team whose chats change at some hours of the day. A chat that changes often
 * is read once per poll. */
struct office {
	double list, busy, quiet; /* calls; changes a minute by day, by night */
	int64_t dialogs;          /* the first poll reads all of them */
	unsigned cron;            /* minutes */
	int64_t budget;
};

struct month_outcome {
	int64_t used, last_day;
	unsigned slowest;
};

static struct month_outcome
simulate(const struct office *o)
{
	struct pace_month m = {
		.budget = o->budget, .end_ms = END, .since_ms = MONTH
	};
	struct month_outcome r = { o->dialogs + (int64_t)o->list, 0, 1 };
	double waiting = 0, read, debt = 0;
	int64_t minute, last = 0;

	for (minute = 1; minute < DAYS * 1440; minute++) {
		int64_t hour = minute / 60 % 24;
		struct pace p;

		waiting += hour >= 8 && hour < 19 ? o->busy : o->quiet;
		if (minute % o->cron != 0)
			continue;
		m.used = r.used;
		m.now_ms = MONTH + minute * MINUTE_MS;
		p = pace_compute(&m);
		if (minute - last < p.interval)
			continue;
		read =
		    waiting < (double)o->dialogs ? waiting : (double)o->dialogs;
		m.polls++;
		m.minutes += (double)(minute - last);
		m.list += o->list;
		m.changes += read;
		debt += o->list + read;
		r.used += (int64_t)debt;
		debt -= (double)(int64_t)debt;
		r.last_day += minute >= (DAYS - 1) * 1440;
		r.slowest = p.interval > r.slowest ? p.interval : r.slowest;
		waiting = 0;
		last = minute;
	}
	return r;
}

static void
a_month_lasts(void **state)
{
	static const struct office offices[] = {
		{ 10, 0.3, 0.02, 2000, 1, 30000 },
		{ 10, 0.02, 0.02, 2000, 1, 30000 },
		{ 10, 0.3, 0.02, 2000, 15, 30000 },
		{ 1, 0.5, 0.1, 100, 1, 30000 },
		{ 1.1, 0.1, 0, 5, 1, 100000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(offices); i++) {
		struct month_outcome r = simulate(&offices[i]);

		/* Unused calls are wasted, too: at least three quarters must be
		 * used if polls were skipped. */
		if (r.used > offices[i].budget || r.last_day < 24 ||
		    (r.slowest > 1 && r.used * 4 < offices[i].budget * 3))
			fail_msg("office %zu: %lld calls, %lld polls on the "
				 "last day, every %u minutes at the slowest",
			    i, (long long)r.used, (long long)r.last_day,
			    r.slowest);
	}
}

int
test_quota_pace(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interval_makes_the_budget_last),
		cmocka_unit_test(every_poll_is_made_until_an_hour_was_measured),
		cmocka_unit_test(office_hours_are_expected_to_go_on),
		cmocka_unit_test(a_job_that_runs_less_often_is_taken_as_it_is),
		cmocka_unit_test(a_month_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
