/*
 * Tests of aggregator/staging: snapshots of which nothing counts any more, and
 * what still comes of them.
 */
#include "tests/unit/staging_world.h"

/* Its drop was logged; what comes of it again is ignored. */
static void
a_dropped_one_that_comes_again_is_passed_over(void **state)
{
	struct world *w = *state;
	int round;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m2", 1, OPERATOR);
	flush(w);
	add(w, "m3", 1, MARK("begin", "s2", "20", ""));
	w->again = true;
	for (round = 0; round < 3; round++) {
		w->connection++;
		add(w, "m1", 1, BEGIN);
		add(w, "m2", 1, OPERATOR);
		add(w, NULL, 1, CHAT);
		add(w, "m3", 1, MARK("begin", "s2", "20", ""));
		stop(w);
		start(w);
	}
	add(w, "m3", 1, MARK("begin", "s2", "20", ""));
	add(w, "m3", 2, MARK("end", "s2", "20", ",\"records\":0"));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->refused.len, 0);
}

/* Whatever is restarted between its lines. */
static void
an_older_one_is_passed_over(void **state)
{
	static const char *const old[] = { BEGIN, OPERATOR, CHAT, END };
	struct world *w = *state;
	size_t i;
	int round;

	for (round = 0; round < 2; round++) {
		start(w);
		add(w, "m2", 1, MARK("begin", "s2", "20", ""));
		if (round == 1)
			add(w, "m2", 2,
			    MARK("end", "s2", "20", ",\"records\":0"));
		flush(w);
		for (i = 0; i < ARRAY_LEN(old); i++) {
			add(w, "m1", i + 1, old[i]);
			flush(w);
			stop(w);
			start(w);
		}
		assert_int_equal(w->publications, round);
		stop(w);
	}
	assert_int_equal(w->refused.len, 0);
}

static void
one_that_is_not_taken_is_passed_over(void **state)
{
	struct world *w = *state;

	w->until = INT64_C(1795169700000); /* 10:15 */
	start(w);
	add(w, "m1", 1, MARK("begin", "s2", "20", ""));
	assert_string_equal(buf_str(&w->refused), "ahead\n");
	flush(w);
	stop(w);
	start(w);
	/* Of the next one all counts. */
	add(w, "m2", 1, BEGIN);
	add(w, "m1", 1, MARK("begin", "s2", "20", ""));
	add(w, "m1", 2, MARK("end", "s2", "20", ",\"records\":0"));
	add(w, "m2", 2, OPERATOR);
	add(w, "m2", 3, CHAT);
	add(w, "m2", 4, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_string_equal(buf_str(&w->refused), "ahead\n");
}

/* Its dead letter first: once it is passed over, no other is written. */
static void
one_that_is_not_taken_is_recorded_last(void **state)
{
	struct world *w = *state;

	w->until = INT64_C(1795169700000); /* 10:15 */
	w->later = 1;
	start(w);
	assert_int_equal(
	    add_once(w, "m1", 1, MARK("begin", "s2", "20", "")), OUTCOME_LATER);
	stop(w);
	start(w);
	w->later = 2;
	add(w, "m1", 1, MARK("begin", "s2", "20", ""));
	assert_string_equal(buf_str(&w->refused), "ahead\nahead\n");
	assert_int_equal(w->staging.untaken, 1);
	add(w, "m2", 1, MARK("begin", "s3", "30", ""));
	assert_string_equal(buf_str(&w->refused), "ahead\nahead\nahead\n");
	assert_int_equal(w->staging.untaken, 2);
}

/* A line that names nothing, behind one that is of no snapshot. */
static void
what_is_outside_of_one_is_not_counted_for_it(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	staging_outside(&w->staging);
	add(w, "m2", 2, "{");
	add(w, "m3", 1, CHAT);
	add(w, "m3", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
}

static void
of_a_forgotten_one_the_rest_is_passed_over(void **state)
{
	struct world *w = *state;
	int round;

	start(w);
	assert_int_equal(
	    staging_forget(&w->staging, (struct text){ "t", 1 }), OUTCOME_DONE);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	assert_int_equal(
	    staging_forget(&w->staging, (struct text){ "u", 1 }), OUTCOME_DONE);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	assert_int_equal(
	    staging_forget(&w->staging, (struct text){ "t", 1 }), OUTCOME_DONE);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
	for (round = 0; round < 2; round++) {
		add(w, "m2", 1, CHAT);
		add(w, "m2", 2, END);
		flush(w);
		stop(w);
		start(w);
	}
	assert_int_equal(w->publications, 0);
	assert_int_equal(w->refused.len, 0);
	add(w, "m3", 1, MARK("begin", "s2", "20", ""));
	add(w, "m3", 2, MARK("end", "s2", "20", ",\"records\":0"));
	flush(w);
	assert_int_equal(w->publications, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGING_TEST(a_dropped_one_that_comes_again_is_passed_over),
		STAGING_TEST(an_older_one_is_passed_over),
		STAGING_TEST(one_that_is_not_taken_is_passed_over),
		STAGING_TEST(one_that_is_not_taken_is_recorded_last),
		STAGING_TEST(what_is_outside_of_one_is_not_counted_for_it),
		STAGING_TEST(of_a_forgotten_one_the_rest_is_passed_over),
	};

	if (!world_choose())
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
