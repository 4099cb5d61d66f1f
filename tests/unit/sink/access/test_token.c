/*
 * Tests of common/tokens/jwt_sign: signed tokens can be read, and no token is
 * made that would be refused.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/tokens/jwt.h"
#include "sink/access/viewer.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define OTHER_KEY "fedcba9876543210fedcba9876543210"
#define NOW_S INT64_C(1795168800)

static const struct jwt_content content = { .tenant = "acme",
	.role = "agent",
	.subject = "op \"7\" \xC3\xA9",
	.id = "0f",
	.issued_s = NOW_S,
	.expires_s = NOW_S + 60 };

static struct jwt_rules
rules_with(const char *key)
{
	return (struct jwt_rules){
		.keys = { key }, .keys_n = 1, .tenant_claim = "tenant_id"
	};
}

static void
sign(const struct jwt_rules *rules, const struct jwt_content *c,
    struct buf *token)
{
	struct buf why = BUF_INIT;

	if (jwt_sign(rules, c, token, &why) != 0)
		fail_msg("%s", buf_str(&why));
	assert_string_equal(buf_str(&why), "");
}

/* Returns the reason for the refusal, or "". */
static const char *
refusal(const struct jwt_rules *rules, const char *token, int64_t now_s,
    struct viewer *v)
{
	static struct buf why = BUF_INIT;

	if (viewer_from_token(v, rules, token, now_s * 1000, &why) == 0)
		return "";
	return buf_str(&why);
}

static void
what_is_signed_is_read(void **state)
{
	struct jwt_rules rules = rules_with(KEY), other = rules_with(OTHER_KEY);
	struct buf token = BUF_INIT;
	struct viewer v;

	(void)state;
	sign(&rules, &content, &token);
	assert_string_equal(refusal(&rules, buf_str(&token), NOW_S, &v), "");
	assert_string_equal(v.tenant, "acme");
	assert_int_equal(v.role, VIEWER_AGENT);
	assert_string_equal(v.claims.subject, content.subject);
	assert_string_equal(v.claims.id, "0f");
	assert_int_equal(v.claims.expires_s, NOW_S + 60);
	assert_string_equal(
	    refusal(&rules, buf_str(&token), NOW_S + 60 + JWT_LEEWAY_S, &v),
	    "it has expired");
	assert_string_equal(refusal(&other, buf_str(&token), NOW_S, &v),
	    "its signature is wrong");
	buf_release(&token);
}

static void
nobody_in_particular_has_no_sub(void **state)
{
	struct jwt_rules rules = rules_with(KEY);
	struct jwt_content c = content;
	struct buf token = BUF_INIT;
	struct viewer v;

	(void)state;
	c.role = "wall";
	c.subject = NULL;
	sign(&rules, &c, &token);
	assert_string_equal(refusal(&rules, buf_str(&token), NOW_S, &v), "");
	assert_string_equal(v.claims.subject, "");
	buf_release(&token);
}

static void
issuer_and_audience_are_those_of_the_rules(void **state)
{
	struct jwt_rules rules = rules_with(KEY), strict = rules_with(KEY);
	struct buf token = BUF_INIT;
	struct viewer v;

	(void)state;
	strict.issuer = "us";
	strict.audience = "them";
	sign(&strict, &content, &token);
	assert_string_equal(refusal(&strict, buf_str(&token), NOW_S, &v), "");
	buf_clear(&token);
	sign(&rules, &content, &token);
	assert_string_not_equal(
	    refusal(&strict, buf_str(&token), NOW_S, &v), "");
	buf_release(&token);
}

static void
the_claim_of_the_tenant_is_no_other_one(void **state)
{
	static const char *const taken[] = { "role", "sub", "jti", "exp",
		"iat" };
	struct jwt_rules rules = rules_with(KEY);
	struct buf token = BUF_INIT, why = BUF_INIT;
	struct viewer v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(taken); i++) {
		rules.tenant_claim = taken[i];
		assert_int_equal(jwt_sign(&rules, &content, &token, &why), -1);
		assert_non_null(strstr(buf_str(&why), taken[i]));
		assert_int_equal(token.len, 0);
	}
	rules.tenant_claim = "org";
	sign(&rules, &content, &token);
	assert_string_equal(refusal(&rules, buf_str(&token), NOW_S, &v), "");
	buf_release(&token);
	buf_release(&why);
}

static void
without_a_key_nothing_is_signed(void **state)
{
	struct jwt_rules rules = { .tenant_claim = "tenant_id" };
	struct buf token = BUF_INIT, why = BUF_INIT;

	(void)state;
	assert_int_equal(jwt_sign(&rules, &content, &token, &why), -1);
	assert_int_equal(token.len, 0);
	assert_string_not_equal(buf_str(&why), "");
	buf_release(&why);
}

int
test_token(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_is_read),
		cmocka_unit_test(nobody_in_particular_has_no_sub),
		cmocka_unit_test(issuer_and_audience_are_those_of_the_rules),
		cmocka_unit_test(the_claim_of_the_tenant_is_no_other_one),
		cmocka_unit_test(without_a_key_nothing_is_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
