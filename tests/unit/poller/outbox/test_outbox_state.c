/*
 * Test of outbox_state.h: its table, walked, and what it must not have. (What
 * an outbox does in each state: test_outbox.c and tests/e2e/listen.t.)
 */
#include "tests/unit/unit.h"

#include "tests/unit/transitions.h"

#include "poller/outbox/outbox_state.h"

static unsigned
next(unsigned state, unsigned event)
{
	return outbox_next((enum outbox_state)state, (enum outbox_event)event);
}

static void
every_state_is_reached_and_left(void **state)
{
	const struct transitions t = { OUTBOX_STATES, OUTBOX_EVENTS,
		OUTBOX_DIRECT, OUTBOX_CLOSED, next };

	(void)state;
	transitions_walk(&t);
}

/* What was kept is published before anything passes by it, and what only a
 * operator can end is not tried again. */
static void
the_order_of_requests_is_kept(void **state)
{
	unsigned s, e;

	(void)state;
	for (s = 0; s < OUTBOX_STATES; s++)
		for (e = 0; e < OUTBOX_EVENTS; e++)
			if (next(s, e) == OUTBOX_DIRECT)
				assert_int_equal(s, OUTBOX_REJOINING);
	for (e = 0; e < OUTBOX_EVENTS; e++)
		assert_int_equal(next(OUTBOX_ENDED, e),
		    e == OUTBOX_CLOSE ? OUTBOX_CLOSED : OUTBOX_STATES);
}

/* A day of an outbox. */
static void
a_broker_goes_and_comes_back(void **state)
{
	static const struct {
		enum outbox_event event;
		enum outbox_state then;
	} day[] = {
		{ OUTBOX_OUTAGE, OUTBOX_DETOUR },
		{ OUTBOX_OUTAGE, OUTBOX_DETOUR },
		{ OUTBOX_DRAINED, OUTBOX_REJOINING },
		{ OUTBOX_TIMED_OUT, OUTBOX_DETOUR },
		{ OUTBOX_DRAINED, OUTBOX_REJOINING },
		{ OUTBOX_REJOINED, OUTBOX_DIRECT },
		{ OUTBOX_OUTAGE, OUTBOX_DETOUR },
		{ OUTBOX_REFUSED, OUTBOX_ENDED },
		{ OUTBOX_CLOSE, OUTBOX_CLOSED },
	};
	enum outbox_state s = OUTBOX_DIRECT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof day / sizeof *day; i++) {
		s = outbox_next(s, day[i].event);
		assert_int_equal(s, day[i].then);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_reached_and_left),
		cmocka_unit_test(the_order_of_requests_is_kept),
		cmocka_unit_test(a_broker_goes_and_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
