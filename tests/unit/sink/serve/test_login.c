/*
 * Tests of tokens that are revoked or expire while a request waits or a stream
 * is open. tests/e2e/api_tokens.t tests logins and cookies.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/tokens/jwt.h"
#include "sink/access/revocation.h"
#include "sink/serve/serve.h"

#define NOW_S INT64_C(1795168800)

static const struct jwt_rules rules = {
	.keys = { "0123456789abcdef0123456789abcdef" },
	.keys_n = 1,
	.tenant_claim = "tenant_id",
};

/* The only header of a request. */
static const char *
header_of(const struct web_request *r, const char *name)
{
	return strcmp(name, "Authorization") == 0 ? r->private : NULL;
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

/* The second check needs no token. */
static void
a_token_is_refused_that_is_revoked_while_its_request_waits(void **state)
{
	char *header = xasprintf("Bearer %s", (char *)*state);
	struct revocation *list = revocation_open();
	struct strmap one = STRMAP_INIT;
	struct serve s = serve_with(list);
	struct web_answer a = { .status = 200 };
	struct web_request r = { .method = WEB_GET,
		.path = "/api/v1/now",
		.now_ms = NOW_S * 1000,
		.peer = "::1",
		.from = "::1",
		.header = header_of,
		.private = header };

	serve_route (&r)(&s, &r, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(a.later);
	r.private = NULL;
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
		    a_token_is_refused_that_is_revoked_while_its_request_waits),
		cmocka_unit_test(a_stream_goes_on_while_its_token_is_good),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
