/*
 * Test of requests by hand without a database: of resources that have JSON only
 * another format is refused before it is asked; and which page is chosen.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "sink/resources/by_hand.h"

static int
status_of(const char *target)
{
	const struct viewer v = { .tenant = "acme", .role = VIEWER_ADMIN };
	struct web_answer a = { .status = 200 };

	by_hand_get(&v, NULL, 1000, target, &a);
	buf_release(&a.body);
	buf_release(&a.headers);
	return a.status;
}

static void
another_format_is_refused_without_a_database(void **state)
{
	static const char *const targets[] = { "/api/v1/now.csv",
		"/api/v1/now.ndjson", "/api/v1/chats/1/timeline.csv",
		"/api/v1/chats/1/timeline.ndjson",
		"/api/v1/analytics/dashboard.csv",
		"/api/v1/analytics/conversations/1/analytics.ndjson",
		"/api/v1/analytics/channels/1/analytics.csv",
		"/api/v1/analytics/health.csv", "/api/v1/openapi.csv" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(targets); i++)
		assert_int_equal(status_of(targets[i]), 406);
}

/* As the server has it: an empty one is none, and the last one counts. */
static void
an_empty_parameter_chooses_no_page(void **state)
{
	(void)state;
	assert_false(by_hand_chooses_page("/api/v1/chats"));
	assert_false(by_hand_chooses_page("/api/v1/chats?limit=&cursor="));
	assert_false(by_hand_chooses_page("/api/v1/chats?limit=5&limit="));
	assert_true(by_hand_chooses_page("/api/v1/chats?limit=&limit=5"));
	assert_true(by_hand_chooses_page("/api/v1/chats?limit&cursor=x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_format_is_refused_without_a_database),
		cmocka_unit_test(an_empty_parameter_chooses_no_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
