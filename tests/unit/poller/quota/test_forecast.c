/*
 * When a crontab's line fires, and what a schedule costs.
 */
#define _DEFAULT_SOURCE /* setenv, tzset */

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/xalloc.h"
#include "poller/quota/cron_expr.h"
#include "poller/quota/forecast.h"

/* 2026-11-20T10:00:05Z, a Friday */
#define NOW INT64_C(1795168805000)

static const struct {
	const char *text;
	int minute, hour, day, month, weekday;
	int want; /* -1: it is no good */
} cases[] = {
	{ "* 8-18 * * *", 0, 8, 20, 11, 5, 1 },
	{ "* 8-18 * * *", 59, 18, 20, 11, 5, 1 },
	{ "* 8-18 * * *", 0, 19, 20, 11, 5, 0 },
	{ "*/2 6-20 * * *", 3, 6, 20, 11, 5, 0 },
	{ "*/2 6-20 * * *", 4, 6, 20, 11, 5, 1 },
	{ "5,35 * * * *", 35, 1, 1, 1, 0, 1 },
	{ "10-20/5 * * * *", 15, 1, 1, 1, 0, 1 },
	{ "10-20/5 * * * *", 16, 1, 1, 1, 0, 0 },
	{ "10/20 * * * *", 50, 1, 1, 1, 0, 1 },
	{ "0 0 * * mon-fri", 0, 0, 22, 11, 0, 0 },
	{ "0 0 * * 7", 0, 0, 22, 11, 0, 1 },
	{ "0 0 * nov *", 0, 0, 22, 11, 0, 1 },
	{ "0 0 13 * 5", 0, 0, 13, 11, 1, 1 },
	{ "0 0 13 * 5", 0, 0, 12, 11, 5, 1 },
	{ "0 0 13 * 5", 0, 0, 12, 11, 4, 0 },
	{ "@hourly", 0, 3, 1, 1, 1, 1 },
	{ "  *   *  * * *  ", 1, 1, 1, 1, 1, 1 },
	{ "* * * *", 0, 0, 1, 1, 0, -1 },
	{ "* * * * * *", 0, 0, 1, 1, 0, -1 },
	{ "60 * * * *", 0, 0, 1, 1, 0, -1 },
	{ "*/0 * * * *", 0, 0, 1, 1, 0, -1 },
	{ "5-1 * * * *", 0, 0, 1, 1, 0, -1 },
	{ "a * * * *", 0, 0, 1, 1, 0, -1 },
	{ "1, * * * *", 0, 0, 1, 1, 0, -1 },
	{ "@reboot", 0, 0, 1, 1, 0, -1 },
	{ "", 0, 0, 1, 1, 0, -1 },
};

static void
lines_fire_as_cron_does(void **state)
{
	struct buf why = BUF_INIT;
	struct cron_expr c;
	size_t i;
	int got;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		got = cron_expr_parse(&c, cases[i].text, &why);
		if (got == 0)
			got =
			    cron_expr_fires(&c, cases[i].minute, cases[i].hour,
				cases[i].day, cases[i].month, cases[i].weekday);
		if (got != cases[i].want)
			fail_msg("'%s' (case %zu): got %d, want %d",
			    cases[i].text, i, got, cases[i].want);
	}
	buf_release(&why);
}

static struct cron_expr
cron(const char *text)
{
	struct cron_expr c;

	assert_int_equal(cron_expr_parse(&c, text, NULL), 0);
	return c;
}

static void
runs_are_counted_by_hour(void **state)
{
	struct cron_expr c = cron("*/2 6-20 * * *");
	unsigned fires[24];

	(void)state;
	cron_expr_count(&c, NOW, 30, fires);
	assert_int_equal(fires[5], 0);
	assert_int_equal(fires[6], 900);
	assert_int_equal(fires[20], 900);
	assert_int_equal(fires[21], 0);
	c = cron("0 12 * * sat");
	cron_expr_count(&c, NOW, 7, fires);
	assert_int_equal(fires[12], 1);
}

static int64_t measured_ms = FORECAST_MEASURED_MS;

static struct forecast
forecast(
    const struct call_usage *polls, const struct call_usage *runs, double pages)
{
	struct cron_expr schedule = cron("* 8-18 * * *");
	struct cron_expr reaper = cron("*/2 6-20 * * *");
	struct forecast_input in = { .schedule = &schedule,
		.reaper = &reaper,
		.now_ms = NOW,
		.state = true,
		.polls = polls,
		.runs = runs,
		.measured_ms = measured_ms,
		.pages = pages,
		.chats = 50,
		.operator_pages = 1,
		.operators_every_ms = 600000 };
	struct forecast f;

	forecast_compute(&in, &f);
	return f;
}

static void
fifty_quiet_chats_cost_less_than_27000_calls(void **state)
{
	struct forecast f = forecast(NULL, NULL, 1);

	(void)state;
	/* 31 days: the longest month is the one that has to be paid for. */
	assert_int_equal(f.poll_runs, 31 * 11 * 60);
	assert_int_equal(f.reaper_runs, 31 * 15 * 30);
	assert_int_equal((int)f.polls, 31 * 11 * (60 + 6));
	/* In the four hours without polls all are asked about. */
	assert_int_equal((int)f.reaper, 31 * 4 * 30);
	assert_true(f.polls + f.reaper < 27000);
	assert_false(f.measured);
}

static void
what_was_measured_counts(void **state)
{
	struct call_usage polls[24], runs[24];
	struct forecast f;
	size_t h;

	(void)state;
	memset(polls, 0, sizeof polls);
	memset(runs, 0, sizeof runs);
	for (h = 8; h < 13; h++) {
		polls[h].runs = 120;
		polls[h].calls[PROFILE_CHATS] = 120;
		polls[h].calls[PROFILE_MESSAGES] = 240;
		polls[h].left = 60; /* one in two minutes */
	}
	polls[12].calls[PROFILE_MESSAGES] = 840;
	f = forecast(polls, runs, 1);
	assert_true(f.measured);
	/* Four hours at 3, one at 8, six not seen at the average of 4. */
	assert_int_equal((int)f.today, 4 * 180 + 480 + 6 * 240 + 5 * 30 + 120);
	runs[9].runs = 30;
	runs[9].calls[PROFILE_CHAT] = 300;
	f = forecast(polls, runs, 1);
	assert_int_equal(
	    (int)f.today, 4 * 180 + 480 + 6 * 240 + 4 * 30 + 300 + 120);
	assert_true(f.measured_reaper);
}

/* Twelve polls, and an hour. */
static void
too_little_is_not_measured(void **state)
{
	static const struct {
		uint64_t runs;
		int64_t ms;
		bool enough;
	} rows[] = { { 2, 1000, false }, { 100, 100000, false },
		{ 11, 40000000, false }, { 12, 3600000, true },
		{ 12, 3599999, false } };
	struct call_usage polls[24];
	struct forecast f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		memset(polls, 0, sizeof polls);
		polls[9].runs = rows[i].runs;
		polls[9].calls[PROFILE_MESSAGES] = 50 * rows[i].runs;
		measured_ms = rows[i].ms;
		f = forecast(polls, NULL, 1);
		measured_ms = FORECAST_MEASURED_MS;
		assert_int_equal(f.measured, rows[i].enough);
		assert_int_equal((int)f.polls,
		    31 * 11 * (rows[i].enough ? 60 * 50 : 60 + 6));
	}
}

/* However often chats change, a poll asks for each of them once at most, and
 * without a state for all of them every time. */
static void
a_poll_reads_each_chat_once_at_most(void **state)
{
	struct cron_expr each_minute = cron("* * * * *");
	struct cron_expr never = cron("0 0 31 2 *");
	struct forecast_input in = { .schedule = &each_minute,
		.reaper = &never,
		.now_ms = NOW,
		.state = true,
		.pages = 2,
		.chats = 24,
		.operator_pages = 1,
		.operators_every_ms = 600000,
		.changed_per_minute = 1000 };
	struct forecast f;

	(void)state;
	forecast_compute(&in, &f);
	assert_int_equal((int)(f.polls + 0.5), 31 * 24 * (60 * (2 + 24) + 6));
	in.state = false;
	in.changed_per_minute = 0;
	forecast_compute(&in, &f);
	assert_int_equal((int)f.polls, 31 * 24 * 60 * (2 + 24 + 1));
	assert_false(f.measured);
}

/* With a state once a day, without one in every poll. */
static void
customers_are_asked_about(void **state)
{
	struct cron_expr hourly = cron("0 * * * *");
	struct cron_expr never = cron("0 0 31 2 *");
	struct forecast_input in = { .schedule = &hourly,
		.reaper = &never,
		.now_ms = NOW,
		.state = true,
		.pages = 1,
		.customers = 40,
		.operators_every_ms = 3600000 };
	struct forecast f;

	(void)state;
	forecast_compute(&in, &f);
	assert_int_equal((int)f.polls, 31 * (24 + 40));
	assert_int_equal((int)f.today, 24 + 40);
	in.state = false;
	forecast_compute(&in, &f);
	assert_int_equal((int)f.polls, 31 * 24 * (1 + 40));
	in.state = true;
	in.schedule = &never;
	forecast_compute(&in, &f);
	assert_int_equal((int)f.polls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_fire_as_cron_does),
		cmocka_unit_test(runs_are_counted_by_hour),
		cmocka_unit_test(fifty_quiet_chats_cost_less_than_27000_calls),
		cmocka_unit_test(what_was_measured_counts),
		cmocka_unit_test(too_little_is_not_measured),
		cmocka_unit_test(a_poll_reads_each_chat_once_at_most),
		cmocka_unit_test(customers_are_asked_about),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
