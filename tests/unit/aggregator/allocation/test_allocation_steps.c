/*
 * Test of allocation_steps.h: its tables, walked, and what they must not have.
 * (What allocation does with them: test_allocation.c.)
 */
#include "tests/unit/unit.h"

#include "aggregator/allocation/allocation_steps.h"

static void
a_promise_is_made_and_ends_outside_of_lines(void **state)
{
	unsigned from;

	(void)state;
	for (from = 0; from < ALLOC_PLACES; from++) {
		enum alloc_place p = (enum alloc_place)from;

		assert_int_equal(alloc_place_may_follow(p, PLACE_RESERVED),
		    p == PLACE_NONE || p == PLACE_RESERVED);
		assert_int_equal(alloc_place_may_follow(PLACE_RESERVED, p),
		    p == PLACE_NONE || p == PLACE_RESERVED);
		/* From everywhere it may stop to wait. */
		assert_true(alloc_place_may_follow(p, PLACE_NONE));
	}
}

/* A day of a chat. */
static void
a_chat_goes_through_all_places(void **state)
{
	static const enum alloc_place day[] = { PLACE_QUEUE, PLACE_AWAITING,
		PLACE_QUEUE, PLACE_PAUSED, PLACE_QUEUE, PLACE_NONE,
		PLACE_RESERVED, PLACE_NONE };
	enum alloc_place p = PLACE_NONE;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof day / sizeof *day; i++) {
		assert_true(alloc_place_may_follow(p, day[i]));
		alloc_place_go(&p, day[i]);
		assert_int_equal(p, day[i]);
	}
}

/* Only who was given a chat owes it an answer. */
static void
an_answer_is_owed_once(void **state)
{
	enum alloc_answer h = ANSWER_NONE;
	unsigned from;

	(void)state;
	for (from = 0; from < ALLOC_ANSWERS; from++) {
		enum alloc_answer other = (enum alloc_answer)from;

		assert_int_equal(alloc_answer_may_follow(other, ANSWER_GIVEN),
		    other == ANSWER_OWED);
		assert_true(alloc_answer_may_follow(other, ANSWER_NONE));
	}
	alloc_answer_go(&h, ANSWER_OWED);
	alloc_answer_go(&h, ANSWER_GIVEN);
	alloc_answer_go(&h, ANSWER_NONE);
	assert_int_equal(h, ANSWER_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_promise_is_made_and_ends_outside_of_lines),
		cmocka_unit_test(a_chat_goes_through_all_places),
		cmocka_unit_test(an_answer_is_owed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
