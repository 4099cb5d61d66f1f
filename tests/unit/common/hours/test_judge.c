/*
 * Tests of common/hours/targets.c and judge.c: which target applies, what is
 * kept, missed or not judged, and by when to answer.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/hours/judge.h"

#define NOON INT64_C(1796212800000) /* Wednesday 2026-12-02 12:00 UTC */

/* 9:00 to 18:00 from Monday to Friday. */
static struct hours *hours;
static struct targets *targets;
static struct zone *zone;

static struct hours *
office_hours(void)
{
	static const struct conf_entry lines[] = {
		{ "zone", "UTC", 1 },
		{ "mon", "9:00-18:00", 2 },
		{ "tue", "9:00-18:00", 3 },
		{ "wed", "9:00-18:00", 4 },
		{ "thu", "9:00-18:00", 5 },
		{ "fri", "9:00-18:00", 6 },
	};
	struct buf why = BUF_INIT;
	unsigned line;
	struct hours *h = hours_read(
	    "office", lines, ARRAY_LEN(lines), NULL, NULL, &why, &line);

	assert_non_null(h);
	return h;
}

static struct targets *
some_targets(void)
{
	static const struct conf_entry lines[] = {
		{ "first_response", "5m work", 1 },
		{ "reply", "1h30m calendar", 2 },
		{ "since", "2026-12-03", 3 },
		{ "reply", "2h work", 4 },
		{ "first_response", "none", 5 },
		{ "soon", "50%", 6 },
	};
	struct buf why = BUF_INIT;
	unsigned line;
	struct targets *t =
	    targets_read("", lines, ARRAY_LEN(lines), &why, &line);

	assert_non_null(t);
	return t;
}

static int
set_up(void **state)
{
	(void)state;
	hours = office_hours();
	targets = some_targets();
	zone = zone_open("UTC", NULL);
	return zone != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	hours_free(hours);
	targets_free(targets);
	zone_close(zone);
	return 0;
}

static struct judgement
judge_wait(const struct terms *t, enum target_kind kind, bool answered,
    int64_t begin, int64_t end)
{
	struct judged_interval i = { true, kind, answered, begin, end };

	return judge(t, &i);
}

static void
the_target_of_the_beginning_decides(void **state)
{
	struct terms t = { hours, targets, zone };
	struct judgement j;

	(void)state;
	j = judge_wait(&t, TARGET_REPLY, true, NOON, NOON + 90 * MINUTE_MS);
	assert_int_equal(j.kept, 1);
	assert_int_equal(j.target_ms, 90 * MINUTE_MS);
	assert_int_equal(j.work_ms, 90 * MINUTE_MS);
	j = judge_wait(&t, TARGET_REPLY, true, NOON, NOON + 90 * MINUTE_MS + 1);
	assert_int_equal(j.kept, 0);
	/* A night is calendar time. */
	j = judge_wait(
	    &t, TARGET_REPLY, true, NOON + 6 * HOUR_MS, NOON + 21 * HOUR_MS);
	assert_int_equal(j.kept, 0);
	assert_int_equal(j.work_ms, 0);
	/* And the next day, when the target is in work time, it is not. */
	j = judge_wait(
	    &t, TARGET_REPLY, true, NOON + 30 * HOUR_MS, NOON + 47 * HOUR_MS);
	assert_int_equal(j.kept, 1);
	assert_int_equal(j.work_ms, 2 * HOUR_MS);
	j = judge_wait(
	    &t, TARGET_FIRST_RESPONSE, true, NOON + DAY_MS, NOON + 2 * DAY_MS);
	assert_int_equal(j.kept, -1);
	assert_int_equal(j.target_ms, CLOCK_NONE);
	assert_int_equal(j.work_ms, 9 * HOUR_MS);
}

static void
a_wait_that_the_closing_ends_is_never_kept(void **state)
{
	struct terms t = { hours, targets, zone };
	struct judged_interval part = { .begin = NOON, .end = NOON + HOUR_MS };

	(void)state;
	assert_int_equal(judge_wait(&t, TARGET_FIRST_RESPONSE, false, NOON,
			     NOON + 5 * MINUTE_MS)
			     .kept,
	    -1);
	assert_int_equal(judge_wait(&t, TARGET_FIRST_RESPONSE, false, NOON,
			     NOON + 5 * MINUTE_MS + 1)
			     .kept,
	    0);
	assert_int_equal(judge(&t, &part).kept, -1);
	assert_int_equal(judge(&t, &part).work_ms, HOUR_MS);
}

static void
without_hours_there_is_no_work_time(void **state)
{
	struct terms t = { NULL, targets, zone };
	struct judgement j =
	    judge_wait(&t, TARGET_FIRST_RESPONSE, true, NOON, NOON + MINUTE_MS);

	(void)state;
	assert_int_equal(j.work_ms, CLOCK_NONE);
	assert_int_equal(j.kept, -1);
	assert_int_equal(
	    judge_wait(&t, TARGET_REPLY, true, NOON, NOON + MINUTE_MS).kept, 1);
	t.targets = NULL;
	j = judge_wait(&t, TARGET_REPLY, true, NOON, NOON + MINUTE_MS);
	assert_int_equal(j.kept, -1);
	assert_true(j.judged == 0);
}

static void
answer_by(void **state)
{
	struct terms t = { hours, targets, zone };
	struct judge_due due;

	(void)state;
	/* 17:58: two minutes today, three tomorrow. */
	due = judge_due(
	    &t, TARGET_FIRST_RESPONSE, NOON + 6 * HOUR_MS - 2 * MINUTE_MS);
	assert_int_equal(due.answer_by, NOON + 21 * HOUR_MS + 3 * MINUTE_MS);
	assert_int_equal(due.soon_at, NOON + 21 * HOUR_MS + 2 * MINUTE_MS);
	due = judge_due(&t, TARGET_REPLY, NOON + DAY_MS);
	assert_int_equal(due.answer_by, NOON + DAY_MS + 2 * HOUR_MS);
	assert_int_equal(due.soon_at, NOON + DAY_MS + HOUR_MS);
	/* Two minutes are left when three of the five are over; never more
	 * than the target. */
	assert_int_equal(judge_left_at(&t, TARGET_FIRST_RESPONSE,
			     NOON + 6 * HOUR_MS - 2 * MINUTE_MS, 2 * MINUTE_MS),
	    NOON + 21 * HOUR_MS + MINUTE_MS);
	assert_int_equal(
	    judge_left_at(&t, TARGET_REPLY, NOON, 30 * HOUR_MS), NOON);
	assert_true(
	    judge_left_at(&t, TARGET_RESOLUTION, NOON, MINUTE_MS) == INT64_MAX);
	due = judge_due(&t, TARGET_RESOLUTION, NOON);
	assert_int_equal(due.answer_by, CLOCK_NONE);
	assert_int_equal(due.soon_at, CLOCK_NONE);
}

/* What changes the judgement changes the fingerprint. */
static void
a_judgement_has_a_fingerprint(void **state)
{
	struct terms t = { hours, targets, zone };
	struct judgement with =
	    judge_wait(&t, TARGET_REPLY, true, NOON, NOON + HOUR_MS);
	struct judgement without;

	(void)state;
	assert_true(
	    with.judged ==
	    judge_wait(&t, TARGET_REPLY, true, NOON, NOON + HOUR_MS).judged);
	t.hours = NULL;
	without = judge_wait(&t, TARGET_REPLY, true, NOON, NOON + HOUR_MS);
	assert_false(with.judged == without.judged);
}

static void
targets_that_are_refused(void **state)
{
	static const char *const wrong[] = { "1 day", "1d work", "5m",
		"5 m work", "work", "0m work", "5s work", "30m1h work",
		"5m works", "-5m work", "8785h calendar",
		"99999999999999999999h work", "1.5h work" };
	struct conf_entry line = { "reply", "", 7 };
	struct buf why = BUF_INIT;
	unsigned number = 0;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		line.text = wrong[i];
		assert_null(targets_read("", &line, 1, &why, &number));
		assert_int_equal(number, 7);
		assert_non_null(strstr(buf_str(&why), "such as 15m work"));
	}
	line = (struct conf_entry){ "soon", "20", 8 };
	assert_null(targets_read("", &line, 1, &why, &number));
	assert_string_equal(
	    buf_str(&why), "'20' is not a percentage such as 20%");
	buf_release(&why);
}

static struct judged_wait
wait_since(const struct terms *t, int64_t since)
{
	struct judge_due due = judge_due(t, TARGET_FIRST_RESPONSE, since);

	return (struct judged_wait){ TARGET_FIRST_RESPONSE, since,
		due.answer_by, due.soon_at };
}

/* A wait is late exactly when an answer would miss the target, also around the
 * closing and the opening, and if the target ends at one of them. */
static void
a_wait_is_late_if_an_answer_would_miss(void **state)
{
	const struct terms t = { hours, targets, zone };
	const int64_t closing = NOON + 6 * HOUR_MS,
		      opening = NOON + 21 * HOUR_MS;
	const int64_t instants[] = { closing - 1, closing, closing + 1,
		opening - 1, opening, opening + 1 };
	/* The target ends 1 ms before the closing, with it, and 1 ms after the
	 * opening. */
	const struct {
		int64_t since, answer_by;
		const char *late; /* at each of these instants */
	} waits[] = {
		{ closing - 5 * MINUTE_MS - 1, closing - 1, "011111" },
		{ closing - 5 * MINUTE_MS, opening, "000001" },
		{ closing - 5 * MINUTE_MS + 1, opening + 1, "000000" },
	};
	struct judged_wait w;
	size_t i, k;
	bool late;

	(void)state;
	for (i = 0; i < ARRAY_LEN(waits); i++) {
		w = wait_since(&t, waits[i].since);
		assert_int_equal(w.answer_by, waits[i].answer_by);
		for (k = 0; k < ARRAY_LEN(instants); k++) {
			late = wait_state_at(&t, &w, instants[k]).late;
			assert_int_equal(late, waits[i].late[k] == '1');
			assert_int_equal(
			    late, judge_wait(&t, TARGET_FIRST_RESPONSE, true,
				      w.since, instants[k])
					  .kept == 0);
		}
	}
}

static void
states_of_a_wait(void **state)
{
	const struct terms t = { hours, targets, zone };
	const int64_t closing = NOON + 6 * HOUR_MS,
		      opening = NOON + 21 * HOUR_MS;
	const struct judged_wait w = wait_since(&t, closing - 5 * MINUTE_MS);
	struct wait_state s;

	(void)state;
	s = wait_state_at(&t, &w, closing - 3 * MINUTE_MS);
	assert_int_equal(s.due, WAIT_IN_TIME);
	assert_int_equal(s.left_ms, 3 * MINUTE_MS);
	assert_int_equal(s.until, closing);
	s = wait_state_at(&t, &w, closing - MINUTE_MS);
	assert_int_equal(s.due, WAIT_SOON);
	s = wait_state_at(&t, &w, closing + HOUR_MS);
	assert_int_equal(s.due, WAIT_CLOSED);
	assert_int_equal(s.left_ms, 0);
	assert_int_equal(s.until, opening);
	s = wait_state_at(&t, &w, opening + MINUTE_MS);
	assert_int_equal(s.due, WAIT_LATE);
	assert_int_equal(s.left_ms, -MINUTE_MS);
	assert_true(s.work);
	s = wait_state_at(&t, &w, opening + 10 * HOUR_MS);
	assert_int_equal(s.due, WAIT_CLOSED);
	assert_true(s.late);
}

/* A target in calendar time is late while the team is closed, too. */
static void
states_by_the_clock(void **state)
{
	const struct terms t = { hours, targets, zone };
	const struct judged_wait w = { TARGET_REPLY, NOON,
		NOON + 90 * MINUTE_MS, NOON + 72 * MINUTE_MS };
	struct wait_state s = wait_state_at(&t, &w, NOON + 8 * HOUR_MS);

	(void)state;
	assert_int_equal(s.due, WAIT_LATE);
	assert_int_equal(s.left_ms, 90 * MINUTE_MS - 8 * HOUR_MS);
	assert_false(s.work);
}

int
test_judge(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_target_of_the_beginning_decides),
		cmocka_unit_test(a_wait_that_the_closing_ends_is_never_kept),
		cmocka_unit_test(without_hours_there_is_no_work_time),
		cmocka_unit_test(answer_by),
		cmocka_unit_test(a_wait_is_late_if_an_answer_would_miss),
		cmocka_unit_test(states_of_a_wait),
		cmocka_unit_test(states_by_the_clock),
		cmocka_unit_test(a_judgement_has_a_fingerprint),
		cmocka_unit_test(targets_that_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
