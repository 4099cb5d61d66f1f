/*
 * Tests of poller/crm/quota: the calls of a month (UTC) are added up, and those
 * of its polls are measured.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "poller/crm/quota.h"

#define NOW INT64_C(1795000000000) /* 2026-11-18T11:06:40Z */

static const uint64_t calls[PROFILE_CALLS] = {
	[PROFILE_OPERATORS] = 1,
	[PROFILE_CHATS] = 10,
	[PROFILE_MESSAGES] = 5,
	[PROFILE_CUSTOMER] = 2,
};

static void
add(struct store *s, enum usage_who who, int64_t now_ms, uint64_t n)
{
	const uint64_t counted[CALL_RESULTS] = { [CALL_PENDING] = 2 };
	const uint64_t results[CALL_RESULTS] = {
		[CALL_OK] = n, [CALL_GONE] = 1, [CALL_PENDING] = 1
	};

	usage_add(s, who, now_ms, counted, results);
}

static void
lists_and_changes_are_told_apart(void **state)
{
	struct store *s = open_store(".", "kinds", STORE_EXCLUSIVE);
	struct pace_month m;

	(void)state;
	usage_add_poll(s, NOW, 2 * MINUTE_MS, calls);
	add(s, USAGE_STATUS, NOW, 30);
	add(s, USAGE_ASSIGN, NOW, 400);
	commit_store(s);
	usage_add_poll(s, NOW + DAY_MS, 3 * MINUTE_MS, calls);
	commit_store(s);
	m = usage_measure(s, NOW + DAY_MS);
	assert_true(m.polls == 2);
	assert_true(m.minutes == 5);
	assert_true(m.list == 22);
	assert_true(m.changes == 30 + 400 + 2 * 7);
	assert_int_equal(m.since_ms, NOW - 2 * MINUTE_MS);
	/* A new month is measured separately. */
	m = usage_measure(s, usage_month_end(NOW));
	assert_true(m.polls == 0 && m.list == 0 && m.changes == 0);
	store_close(s);
}

static void
a_month_ends_by_utc(void **state)
{
	struct store *s = open_store(".", "month", STORE_EXCLUSIVE);
	int64_t end = usage_month_end(NOW), december;
	uint64_t results[CALL_RESULTS];

	(void)state;
	assert_int_equal(end, INT64_C(1796083200000)); /* 2026-12-01 */
	december = usage_month_end(end);
	assert_int_equal(december, INT64_C(1798761600000)); /* 2027-01-01 */
	add(s, USAGE_POLL, NOW, 7);
	add(s, USAGE_ASSIGN, end - 1, 8);
	add(s, USAGE_STATUS, end, 100);
	commit_store(s);
	assert_int_equal(usage_month_of(s, USAGE_POLL, NOW, results), 7);
	assert_int_equal(results[CALL_OK], 7);
	assert_int_equal(results[CALL_GONE], 1);
	assert_int_equal(usage_month(s, NOW), 15);
	assert_int_equal(usage_month(s, december - 1), 100);
	store_close(s);
}

/* A backfill spends the budget of the month, but is not a part of what polls
 * cost, so it must slow them down. */
static void
calls_of_a_backfill_slow_polls_down(void **state)
{
	struct store *s = open_store(".", "backfill", STORE_EXCLUSIVE);
	struct pace_month before, after;

	(void)state;
	usage_add_poll(s, NOW, PACE_MEASURED_MINUTES * MINUTE_MS, calls);
	add(s, USAGE_POLL, NOW, 18);
	commit_store(s);
	before = usage_measure(s, NOW + 1);
	before.budget = 300000;
	assert_int_equal(pace_compute(&before).interval, 1);
	add(s, USAGE_BACKFILL, NOW, 200000);
	commit_store(s);
	after = usage_measure(s, NOW + 1);
	after.budget = 300000;
	assert_int_equal(after.used - before.used, 200000);
	assert_true(after.changes == before.changes);
	assert_true(pace_compute(&after).interval > 1);
	store_close(s);
}

int
test_quota_usage(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_changes_are_told_apart),
		cmocka_unit_test(a_month_ends_by_utc),
		cmocka_unit_test(calls_of_a_backfill_slow_polls_down),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
