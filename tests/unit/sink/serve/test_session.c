/*
 * Tests of sink/serve: the token in the cookie, among other cookies; and which
 * requests have a route of their own.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "sink/serve/board_files.h"
#include "sink/serve/live_events.h"
#include "sink/serve/serve_routes.h"
#include "sink/serve/session.h"

static const char *
find_cookie(const struct web_request *r, const char *name)
{
	return strcmp(name, "Cookie") == 0 ? r->private : NULL;
}

/* token: NULL: there is none. */
static void
expect_token(const char *cookie, const char *token)
{
	union {
		const char *in;
		void *out;
	} u = { cookie };
	struct web_request r = { .header = find_cookie, .private = u.out };
	struct buf found = BUF_INIT;

	assert_int_equal(session_cookie(&r, &found), token != NULL);
	assert_string_equal(buf_str(&found), token != NULL ? token : "");
	buf_release(&found);
}

static void
the_cookie_is_found(void **state)
{
	(void)state;
	expect_token("session=abc", "abc");
	expect_token("a=b; session=abc", "abc");
	expect_token("a=b;session=abc; c=d", "abc");
	expect_token("session=a=b=", "a=b=");
	expect_token("session=one; session=two", "one");
	expect_token("session=", "");
	expect_token(NULL, NULL);
	expect_token("", NULL);
	expect_token("; ;;", NULL);
	expect_token("session", NULL);
	expect_token("xsession=abc; sessions=abc; a=session=abc", NULL);
	expect_token("Session=abc", NULL);
}

static web_handler *
route_of(enum web_method method, const char *path)
{
	struct web_request r = { .method = method, .path = path };

	return serve_route(&r);
}

static void
routes_are_found(void **state)
{
	web_handler *api = route_of(WEB_GET, "/api/v1/now");

	(void)state;
	assert_ptr_equal(route_of(WEB_GET, "/"), board_files_answer);
	assert_ptr_equal(route_of(WEB_GET, "/login"), board_files_answer);
	assert_ptr_equal(route_of(WEB_GET, "/board/x.js"), board_files_answer);
	assert_ptr_equal(
	    route_of(WEB_GET, "/api/v1/now/stream"), live_events_answer);
	assert_ptr_not_equal(api, board_files_answer);
	assert_ptr_not_equal(api, live_events_answer);
	assert_ptr_not_equal(route_of(WEB_POST, "/"), board_files_answer);
	assert_ptr_not_equal(
	    route_of(WEB_POST, "/api/v1/now/stream"), live_events_answer);
	assert_ptr_equal(route_of(WEB_GET, "/board/"), api);
	assert_ptr_equal(route_of(WEB_GET, "/board/a/b"), api);
	assert_ptr_equal(route_of(WEB_GET, ""), api);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cookie_is_found),
		cmocka_unit_test(routes_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
