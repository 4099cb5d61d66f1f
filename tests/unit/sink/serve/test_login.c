/*
 * Tests of logging in and out, and of the sender of a request, without a
 * socket: the meaning of the headers, and the cookie that is set.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/tokens/jwt.h"
#include "sink/access/revocation.h"
#include "sink/serve/serve.h"

#define NOW_S INT64_C(1795168800)
#define FORM "application/x-www-form-urlencoded"

static const struct jwt_rules rules = {
	.keys = { "0123456789abcdef0123456789abcdef" },
	.keys_n = 1,
	.tenant_claim = "tenant_id",
};

/* Headers of a request; NULL: absent. */
struct headers {
	const char *authorization, *cookie, *type, *origin, *site;
};

static const char *
header_of(const struct web_request *r, const char *name)
{
	const struct headers *h = r->private;

	if (strcasecmp(name, "Authorization") == 0)
		return h->authorization;
	if (strcasecmp(name, "Cookie") == 0)
		return h->cookie;
	if (strcasecmp(name, "Content-Type") == 0)
		return h->type;
	if (strcasecmp(name, "Origin") == 0)
		return h->origin;
	if (strcasecmp(name, "Sec-Fetch-Site") == 0)
		return h->site;
	return NULL;
}

static int
open_world(void **state)
{
	static const struct jwt_content content = { .tenant = "acme",
		.role = "lead",
		.id = "1",
		.issued_s = NOW_S,
		.expires_s = NOW_S + 100 };
	struct buf token = BUF_INIT, why = BUF_INIT;

	if (jwt_sign(&rules, &content, &token, &why) != 0)
		return -1;
	*state = buf_take(&token);
	return 0;
}

static int
close_world(void **state)
{
	free(*state);
	return 0;
}

static struct serve
serve_with(struct revocation *r)
{
	struct strmap none = STRMAP_INIT;

	revocation_replace(r, &none);
	return (struct serve){ .tokens = &rules, .revocation = r };
}

/* Asks for the path. Returns the status, and in *cookie the cookie that is set,
 * owned; or NULL. */
static int
post(const char *path, struct headers h, const char *body, char **cookie)
{
	struct revocation *revocation = revocation_open();
	struct serve s = serve_with(revocation);
	struct web_answer a = { .status = 200 };
	const struct web_request r = { .method = WEB_POST,
		.path = path,
		.body = body,
		.len = strlen(body),
		.peer = "192.0.2.1",
		.now_ms = NOW_S * 1000,
		.header = header_of,
		.private = &h };
	const char *set;

	serve_route (&r)(&s, &r, &a);
	set = strstr(buf_str(&a.headers), "Set-Cookie: ");
	*cookie = set != NULL ? xstrndup(set, strcspn(set, "\n")) : NULL;
	if (a.status == 303)
		assert_non_null(strstr(buf_str(&a.headers), "Location: /\n"));
	buf_release(&a.body);
	buf_release(&a.headers);
	revocation_close(revocation);
	return a.status;
}

static void
the_cookie_is_the_token_for_as_long_as_it_is_good(void **state)
{
	char *token = *state, *cookie, *want,
	     *body = xasprintf("a=b&token=++%s%%0D%%0A&c", token);
	struct headers h = { .type = FORM "; charset=utf-8" };

	assert_int_equal(post("/login", h, body, &cookie), 303);
	want = xasprintf("Set-Cookie: session=%s; Path=/; Max-Age=100; "
			 "HttpOnly; SameSite=Strict; Secure",
	    token);
	assert_string_equal(cookie, want);
	free(cookie);
	free(want);
	free(body);
}

/* Only pages from the browser's own machine may be served without TLS. */
static void
the_cookie_is_secure_but_for_this_machine(void **state)
{
	static const struct {
		const char *origin;
		bool secure;
	} pages[] = {
		{ "http://localhost", false },
		{ "http://localhost:8081", false },
		{ "http://127.0.0.1:8081", false },
		{ "http://[::1]:8081", false },
		{ NULL, true },
		{ "null", true },
		{ "https://localhost", true },
		{ "https://board.example.com", true },
		{ "http://board.example.com", true },
		{ "http://localhost.example.com", true },
		{ "http://127.0.0.1.example.com:80", true },
		{ "http://192.0.2.1:8081", true },
	};
	char *body = xasprintf("token=%s", (char *)*state), *cookie;
	struct headers h = { .type = FORM };
	size_t i;
	int out;

	for (i = 0; i < ARRAY_LEN(pages); i++) {
		h.origin = pages[i].origin;
		for (out = 0; out < 2; out++) {
			assert_int_equal(
			    post(out ? "/logout" : "/login", h, body, &cookie),
			    303);
			if ((strstr(cookie, "; Secure") != NULL) !=
			    pages[i].secure)
				fail_msg("%zu: %s", i, cookie);
			free(cookie);
		}
	}
	free(body);
}

static void
a_logout_removes_the_cookie(void **state)
{
	struct headers h = { .site = "same-origin" };
	char *cookie;

	(void)state;
	assert_int_equal(post("/logout", h, "", &cookie), 303);
	assert_string_equal(cookie,
	    "Set-Cookie: session=; Path=/; Max-Age=0; HttpOnly; "
	    "SameSite=Strict; Secure");
	free(cookie);
}

static void
what_is_no_login_sets_no_cookie(void **state)
{
	char *good = xasprintf("token=%s", (char *)*state), *cookie;
	const struct {
		struct headers h;
		const char *path, *body;
		int status;
	} bad[] = {
		{ { .type = FORM, .site = "cross-site" }, "/login", good, 403 },
		{ { .type = FORM, .site = "same-site" }, "/login", good, 403 },
		{ { .site = "cross-site" }, "/logout", "", 403 },
		{ { .type = NULL }, "/login", good, 415 },
		{ { .type = "text/plain" }, "/login", good, 415 },
		{ { .type = FORM "x" }, "/login", good, 415 },
		{ { .type = FORM }, "/login", "", 400 },
		{ { .type = FORM }, "/login", "token=", 400 },
		{ { .type = FORM }, "/login", "token=+%20", 400 },
		{ { .type = FORM }, "/login", good + 1, 400 },
		{ { .type = FORM }, "/login", "token=a.b.c", 401 },
		{ { .type = FORM }, "/login", "token=x%0Ay", 401 },
		{ { .type = FORM }, "/login/", good, 401 },
	};
	size_t i;
	int status;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		status = post(bad[i].path, bad[i].h, bad[i].body, &cookie);
		if (status != bad[i].status || cookie != NULL)
			fail_msg("%zu: %d, %s", i, status,
			    cookie != NULL ? cookie : "no cookie");
	}
	free(good);
}

static void
a_cookie_is_found_among_others(void **state)
{
	static const char *const rows[][2] = {
		{ "session=a.b", "a.b" },
		{ "x=1; session=a.b; y=2", "a.b" },
		{ "x=1;session=a.b", "a.b" },
		{ "session=", "" },
		{ "session=a; session=b", "a" },
		{ "xsession=a", NULL },
		{ "session", NULL },
		{ "Session=a", NULL },
		{ "x=session=a", NULL },
		{ ";; ;", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};
	struct headers h = { .cookie = NULL };
	const struct web_request r = { .header = header_of, .private = &h };
	struct buf token = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		h.cookie = rows[i][0];
		buf_clear(&token);
		assert_int_equal(
		    session_cookie(&r, &token), rows[i][1] != NULL);
		assert_string_equal(
		    buf_str(&token), rows[i][1] != NULL ? rows[i][1] : "");
	}
	buf_release(&token);
}

static int
status_for(enum web_method method, struct headers h, struct revocation *list)
{
	struct serve s = { .tokens = &rules, .revocation = list };
	struct web_answer a = { .status = 200 };
	const struct web_request r = { .method = method,
		.path = "/",
		.body = "",
		.peer = "::1",
		.now_ms = NOW_S * 1000,
		.header = header_of,
		.private = &h };
	struct viewer v;
	bool good = serve_find_viewer(&s, &r, &v, &a);

	if (good)
		assert_string_equal(v.tenant, "acme");
	assert_int_equal(good, a.status == 200);
	buf_release(&a.body);
	return a.status;
}

static void
a_cookie_answers_get_alone(void **state)
{
	char *cookie = xasprintf("session=%s", (char *)*state),
	     *header = xasprintf("bearer  %s", (char *)*state);
	struct revocation *list = revocation_open();
	struct strmap none = STRMAP_INIT;
	struct headers by_cookie = { .cookie = cookie };

	revocation_replace(list, &none);
	assert_int_equal(status_for(WEB_GET, by_cookie, list), 200);
	assert_int_equal(status_for(WEB_POST, by_cookie, list), 401);
	assert_int_equal(status_for(WEB_OTHER, by_cookie, list), 401);
	/* A token in the header has priority. */
	by_cookie.authorization = header;
	assert_int_equal(status_for(WEB_POST, by_cookie, list), 200);
	by_cookie.authorization = "Bearer x";
	assert_int_equal(status_for(WEB_GET, by_cookie, list), 401);
	by_cookie.authorization = "Basic eDp5";
	assert_int_equal(status_for(WEB_GET, by_cookie, list), 200);
	assert_int_equal(status_for(WEB_POST, by_cookie, list), 401);
	revocation_close(list);
	free(cookie);
	free(header);
}

static void
a_revoked_token_is_refused(void **state)
{
	char *header = xasprintf("Bearer %s", (char *)*state);
	struct revocation *list = revocation_open();
	struct strmap one = STRMAP_INIT;
	struct headers h = { .authorization = header };

	assert_int_equal(status_for(WEB_GET, h, list), 503);
	revocation_add(&one, "other", "1");
	revocation_replace(list, &one);
	assert_int_equal(status_for(WEB_GET, h, list), 200);
	revocation_add(&one, "acme", "1");
	revocation_replace(list, &one);
	assert_int_equal(status_for(WEB_GET, h, list), 401);
	revocation_close(list);
	free(header);
}

/* The second check needs no token. */
static void
a_token_is_refused_that_is_revoked_while_its_request_waits(void **state)
{
	char *header = xasprintf("Bearer %s", (char *)*state);
	struct revocation *list = revocation_open();
	struct strmap one = STRMAP_INIT;
	struct headers h = { .authorization = header };
	struct serve s = serve_with(list);
	struct web_answer a = { .status = 200 };
	const struct web_request r = { .method = WEB_GET,
		.path = "/api/v1/now",
		.now_ms = NOW_S * 1000,
		.peer = "::1",
		.header = header_of,
		.private = &h };

	serve_route (&r)(&s, &r, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(a.later);
	h.authorization = NULL;
	revocation_add(&one, "acme", "1");
	revocation_replace(list, &one);
	a.later(&s, &r, &a);
	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.body.data, "the token is not valid"));
	buf_release(&a.body);
	buf_release(&a.headers);
	buf_release(&a.note);
	revocation_close(list);
	free(header);
}

static void
a_stream_goes_on_while_its_token_is_good(void **state)
{
	const int64_t now_s = clock_now_ms() / 1000;
	struct viewer v = { .tenant = "acme", .claims = { .id = "1" } };
	struct revocation *list = revocation_open();
	struct serve s = serve_with(list);
	struct web_answer a = { .status = 200 };
	struct strmap one = STRMAP_INIT;

	(void)state;
	v.claims.expires_s = now_s + 100;
	serve_keep_viewer(&v, &a);
	assert_true(serve_token_is_good(&s, &a));
	v.claims.expires_s = now_s - 2 * JWT_LEEWAY_S;
	serve_keep_viewer(&v, &a);
	assert_false(serve_token_is_good(&s, &a));
	v.claims.expires_s = now_s + 100;
	serve_keep_viewer(&v, &a);
	revocation_add(&one, "acme", "1");
	revocation_replace(list, &one);
	assert_false(serve_token_is_good(&s, &a));
	buf_release(&a.note);
	revocation_close(list);
}

int
test_login(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_cookie_is_the_token_for_as_long_as_it_is_good),
		cmocka_unit_test(the_cookie_is_secure_but_for_this_machine),
		cmocka_unit_test(a_logout_removes_the_cookie),
		cmocka_unit_test(what_is_no_login_sets_no_cookie),
		cmocka_unit_test(a_cookie_is_found_among_others),
		cmocka_unit_test(a_cookie_answers_get_alone),
		cmocka_unit_test(a_revoked_token_is_refused),
		cmocka_unit_test(
		    a_token_is_refused_that_is_revoked_while_its_request_waits),
		cmocka_unit_test(a_stream_goes_on_while_its_token_is_good),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
