/*
 * Tests of poller/operators: which of the state are read again.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/poll/operators.h"

#define NOW (INT64_C(1795000000000))

static void
keep(struct store *s, const char *id)
{
	struct operators ops = { .n = 0 };
	struct crm_record r = { .type = RECORD_OPERATOR,
		.id = xstrdup(id),
		.body = xasprintf("\"operator\":\"%s\"", id) };

	operators_add(&ops, &r, NOW);
	operators_keep(&ops, s);
	commit_store(s);
	operators_release(&ops);
	free(r.id);
	free(r.body);
}

static bool
loads(struct store *s, int64_t now_ms)
{
	struct operators ops = { .n = 0 };
	bool yes = operators_load(&ops, s, now_ms, HOUR_MS);

	assert_int_equal(ops.n, yes ? 1 : 0);
	operators_release(&ops);
	return yes;
}

static void
operators_age(void **state)
{
	struct store *s = open_store(".", "age", STORE_EXCLUSIVE);

	(void)state;
	assert_false(loads(s, NOW));
	keep(s, "7");
	assert_true(loads(s, NOW + HOUR_MS - 1));
	assert_false(loads(s, NOW + HOUR_MS));
	assert_false(loads(s, NOW - 1));
	store_close(s);
}

/* A listener that starts before the next poll reads them from the state. */
static void
invalid_ones_are_asked_for_and_stay(void **state)
{
	struct store *s = open_store(".", "invalid", STORE_EXCLUSIVE);
	const void *data;
	size_t len;

	(void)state;
	keep(s, "7");
	operators_invalidate(s);
	commit_store(s);
	assert_false(loads(s, NOW));
	assert_true(store_get(s, STORE_META, "operators", &data, &len));
	keep(s, "8");
	assert_true(loads(s, NOW));
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_age),
		cmocka_unit_test(invalid_ones_are_asked_for_and_stay),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
