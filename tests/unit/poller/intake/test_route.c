/*
 * Tests of which route a request takes, and of requests without a route.
 */
#include "tests/unit/route_world.h"

#define SEND "/api/v1/messages/send"

static const char conf[] = "[listen]\ntenant = acme\n";

static void
what_is_not_there_is_404_and_405(void **state)
{
	struct web_request r = { .method = WEB_GET, .path = SEND, .body = "" };
	struct web_answer a = { .status = 200 };
	struct world w;

	(void)state;
	world_open(&w, conf, NULL);
	route_answer(w.in, &r, &a);
	assert_int_equal(a.status, 405);
	assert_string_equal(a.allow, "POST");
	assert_string_equal(
	    buf_str(&a.body), "{\"detail\":\"Method Not Allowed\"}");
	world_drop(&a);
	a = (struct web_answer){ .status = 200 };
	r.path = SEND "/";
	route_answer(w.in, &r, &a);
	assert_int_equal(a.status, 404);
	world_drop(&a);
	a = (struct web_answer){ .status = 200 };
	r.method = WEB_OTHER;
	r.path = "/openapi.json";
	route_answer(w.in, &r, &a);
	assert_int_equal(a.status, 405);
	assert_string_equal(a.allow, "GET, HEAD");
	world_drop(&a);
	world_close(&w);
}

static void
the_root_says_who_is_there(void **state)
{
	struct web_request r = { .method = WEB_GET, .path = "/", .body = "" };
	struct web_answer a = { .status = 200 };
	struct world w;

	(void)state;
	world_open(&w, conf, NULL);
	route_answer(w.in, &r, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(buf_str(&a.body),
	    "{\"service\":\"Analytics Service\",\"version\":\"1.0.0\","
	    "\"status\":\"running\"}");
	world_drop(&a);
	world_close(&w);
}

int
test_route(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_404_and_405),
		cmocka_unit_test(the_root_says_who_is_there),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
