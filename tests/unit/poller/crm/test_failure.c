/*
 * Tests of poller/crm/failure: whose failure an error is, and when the circuit
 * breaker attributes it to the CRM.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "poller/crm/failure.h"

static void
some_errors_are_never_an_items(void **state)
{
	(void)state;
	assert_int_equal(
	    failure_whose(ERROR_CLASS_NONE, true, false), FAILURE_NONE);
	assert_int_equal(
	    failure_whose(ERROR_CLASS_UNUSABLE, false, false), FAILURE_ITEM);
	assert_int_equal(
	    failure_whose(ERROR_CLASS_UNUSABLE, true, false), FAILURE_TENANT);
	assert_int_equal(
	    failure_whose(ERROR_CLASS_QUOTA, false, false), FAILURE_TENANT);
	assert_int_equal(
	    failure_whose(ERROR_CLASS_DENIED, false, false), FAILURE_TENANT);
	assert_int_equal(
	    failure_whose(ERROR_CLASS_DENIED, false, true), FAILURE_ITEM);
}

static void
a_second_silent_item_opens_the_breaker(void **state)
{
	struct breaker b = { .item = NULL };

	(void)state;
	breaker_fail(&b, "1", FAILURE_SILENT);
	breaker_fail(&b, "1", FAILURE_SILENT);
	assert_false(breaker_is_open(&b)); /* it may be that item's fault */
	breaker_fail(&b, "2", FAILURE_SILENT);
	assert_true(breaker_is_open(&b));
	breaker_close(&b);
	assert_false(breaker_is_open(&b));
}

static void
ten_items_in_a_row_open_it(void **state)
{
	struct breaker b = { .item = NULL };
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		breaker_fail(&b, id, FAILURE_ALONE);
		breaker_fail(&b, id, i == 8 ? FAILURE_ALONE : FAILURE_OTHER);
		if (breaker_is_open(&b))
			break;
	}
	assert_int_equal(i, 10); /* the ninth does not count */
	breaker_close(&b);
}

int
test_failure(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_errors_are_never_an_items),
		cmocka_unit_test(a_second_silent_item_opens_the_breaker),
		cmocka_unit_test(ten_items_in_a_row_open_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
