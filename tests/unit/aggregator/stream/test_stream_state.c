/*
 * Test of stream_state.h: its tables, walked, and what they must not have.
 * (What a stream does in each state, and after a crash there:
 * tests/e2e/stream.t, tests/e2e/stream_crash.t.)
 */
#include "tests/unit/unit.h"

#include "tests/unit/transitions.h"

#include "aggregator/stream/stream_state.h"

static unsigned
next(unsigned state, unsigned event)
{
	return stream_next((enum stream_state)state, (enum stream_event)event);
}

static unsigned
next_age(unsigned age, unsigned event)
{
	return stream_age_next(
	    (enum stream_age)age, (enum stream_tenant_event)event);
}

static void
every_state_is_reached_and_left(void **state)
{
	const struct transitions t = { STREAM_STATES, STREAM_EVENTS,
		STREAM_OPEN, STREAM_FAILED, next };

	(void)state;
	transitions_walk(&t);
}

/* Nothing is written that is not committed, and nothing is confirmed that was
 * not written. */
static void
the_order_of_a_flush_is_kept(void **state)
{
	unsigned s;

	(void)state;
	for (s = 0; s < STREAM_STATES; s++) {
		assert_int_equal(next(s, STREAM_WRITE),
		    s == STREAM_COMMITTED ? STREAM_WRITTEN : STREAM_STATES);
		assert_int_equal(next(s, STREAM_CONFIRM),
		    s == STREAM_WRITTEN ? STREAM_OPEN : STREAM_STATES);
		assert_int_equal(next(s, STREAM_BEGIN),
		    s == STREAM_OPEN ? STREAM_COMMITTING : STREAM_STATES);
		assert_int_equal(next(s, STREAM_COMMIT),
		    s == STREAM_COMMITTING ? STREAM_COMMITTED : STREAM_STATES);
	}
}

/* Any tenant can be touched, in any state, and what was touched meanwhile is
 * not taken for what was written. */
static void
a_tenant_may_always_be_touched(void **state)
{
	unsigned age, e;

	(void)state;
	for (age = 0; age < TENANT_AGES; age++)
		assert_int_equal(next_age(age, TENANT_TOUCH), TENANT_TOUCHED);
	for (age = 0; age < TENANT_AGES; age++)
		for (e = 0; e < TENANT_EVENTS; e++)
			if (next_age(age, e) == TENANT_FRESH)
				assert_int_equal(age, TENANT_REFRESHED);
	assert_int_equal(next_age(TENANT_FRESH, TENANT_SENT), TENANT_AGES);
	assert_int_equal(next_age(TENANT_AGED, TENANT_SENT), TENANT_AGES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_reached_and_left),
		cmocka_unit_test(the_order_of_a_flush_is_kept),
		cmocka_unit_test(a_tenant_may_always_be_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
