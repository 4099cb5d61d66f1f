/*
 * Tests of common/tokens/jwt: tokens that were made elsewhere, and the attacks
 * that RFC 8725 warns about.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "common/tokens/jwt.h"
#include "tests/unit/jwt_vectors.h"

#define NOW INT64_C(1795168800000)

static const struct jwt_rules rules = { .keys = { VECTOR_KEY, VECTOR_OLD_KEY },
	.keys_n = 2,
	.tenant_claim = "tenant_id" };

static void
check(const struct jwt_rules *r, const struct vector *v, size_t i)
{
	char tenant[RECORD_MAX_TENANT + 1] = "";
	struct buf why = BUF_INIT;
	int rc = jwt_check(r, v->token, NOW, tenant, &why);

	if (v->want[0] == '+') {
		if (rc != 0)
			fail_msg("%zu: %s", i, buf_str(&why));
		assert_string_equal(tenant, v->want + 1);
	} else {
		if (rc == 0 || strstr(buf_str(&why), v->want) == NULL)
			fail_msg("%zu: %d '%s', not '%s'", i, rc, buf_str(&why),
			    v->want);
		assert_string_equal(tenant, "");
	}
	buf_release(&why);
}

static void
tokens_made_elsewhere_are_judged_right(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(vectors); i++)
		check(&rules, &vectors[i], i);
}

static void
issuer_and_audience_count_when_configured(void **state)
{
	struct jwt_rules r = rules;
	size_t i;

	(void)state;
	r.issuer = "us";
	r.audience = "them";
	for (i = 0; i < ARRAY_LEN(issued); i++)
		check(&r, &issued[i], i);
}

/* Removing a key revokes all tokens that it signed. */
static void
a_key_that_is_gone_signs_nothing(void **state)
{
	struct vector revoked = vectors[0];
	struct jwt_rules r = rules;

	(void)state;
	r.keys[0] = VECTOR_OLD_KEY;
	r.keys_n = 1;
	revoked.want = "signature";
	check(&r, &revoked, 0);
}

static void
another_claim_can_name_the_tenant(void **state)
{
	struct vector v = vectors[0];
	struct jwt_rules r = rules;

	(void)state;
	r.tenant_claim = "org";
	v.want = "names no tenant";
	check(&r, &v, 0);
}

static void
a_huge_token_is_not_looked_at(void **state)
{
	struct vector v = { NULL, "longer than 8 KiB" };
	struct buf token = BUF_INIT;

	(void)state;
	buf_adds(&token, vectors[0].token);
	while (token.len <= JWT_TOKEN_MAX)
		buf_addc(&token, 'A');
	v.token = buf_str(&token);
	check(&rules, &v, 0);
	buf_release(&token);
}

/* Every single character of a good token matters. */
static void
a_token_with_a_changed_letter_is_refused(void **state)
{
	char *token = xstrdup(vectors[0].token);
	char tenant[RECORD_MAX_TENANT + 1];
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; token[i] != '\0'; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		if (jwt_check(&rules, token, NOW, tenant, &why) == 0)
			fail_msg("letter %zu changed, and it counts", i);
		token[i] = was;
	}
	assert_int_equal(jwt_check(&rules, token, NOW, tenant, &why), 0);
	free(token);
	buf_release(&why);
}

int
test_jwt(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_made_elsewhere_are_judged_right),
		cmocka_unit_test(issuer_and_audience_count_when_configured),
		cmocka_unit_test(a_key_that_is_gone_signs_nothing),
		cmocka_unit_test(another_claim_can_name_the_tenant),
		cmocka_unit_test(a_huge_token_is_not_looked_at),
		cmocka_unit_test(a_token_with_a_changed_letter_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
