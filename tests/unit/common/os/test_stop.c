/*
 * Tests of common/os/stop: when the process is ended wherever it is.
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <unistd.h>

#include "common/os/stop.h"

/* The time runs from the first signal on, also when the program had decided by
 * itself to stop. */
static void
ends_in_time(void **state)
{
	(void)state;
	stop_init();
	stop_set(true);
	assert_int_equal(alarm(0), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(stop_asked());
	assert_in_range(stop_left_ms(), 1, STOP_WITHIN_S * 1000);
	assert_in_range(alarm(0), 1, STOP_WITHIN_S);
	assert_int_equal(raise(SIGINT), 0);
	assert_int_equal(alarm(0), 0);
	stop_set(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
