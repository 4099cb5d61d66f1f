/*
 * Tests of common/tokens/jwt: tokens that were made elsewhere, and the attacks
 * that RFC 8725 warns about.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
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

/* want: '+' and the tenant, or a part of the reason. */
static void
check(const struct jwt_rules *r, const char *token, const char *want)
{
	char tenant[RECORD_MAX_TENANT + 1] = "";
	struct jwt_claims claims;
	struct buf why = BUF_INIT;
	int rc = jwt_check(r, token, NOW, tenant, &claims, &why);

	if (want[0] == '+') {
		if (rc != 0)
			fail_msg("%s: %s", token, buf_str(&why));
		assert_string_equal(tenant, want + 1);
	} else {
		if (rc == 0 || strstr(buf_str(&why), want) == NULL)
			fail_msg("%s: %d '%s', not '%s'", token, rc,
			    buf_str(&why), want);
		assert_string_equal(tenant, "");
	}
	buf_release(&why);
}

/* The tokens behind a line "# With issuer" need these two. */
static void
tokens_made_elsewhere_are_judged_right(void **state)
{
	FILE *f = fopen("tests/records/jwt.txt", "re");
	struct jwt_rules r = rules;
	char line[4096], *token;
	size_t n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "# With issuer") == line) {
			r.issuer = "us";
			r.audience = "them";
		}
		token = strchr(line, '\t');
		if (line[0] == '#' || token == NULL)
			continue;
		*token++ = '\0';
		check(&r, token, line);
		n++;
	}
	assert_true(n > 90 && r.issuer != NULL);
	(void)fclose(f);
}

/* Removing a key revokes all tokens that it signed. */
static void
a_key_that_is_gone_signs_nothing(void **state)
{
	struct jwt_rules r = rules;

	(void)state;
	r.keys[0] = VECTOR_OLD_KEY;
	r.keys_n = 1;
	check(&r, VECTOR_TOKEN, "signature");
}

static void
another_claim_can_name_the_tenant(void **state)
{
	struct jwt_rules r = rules;

	(void)state;
	r.tenant_claim = "org";
	check(&r, VECTOR_TOKEN, "names no tenant");
}

static void
a_huge_token_is_not_looked_at(void **state)
{
	struct buf token = BUF_INIT;

	(void)state;
	buf_adds(&token, VECTOR_TOKEN);
	while (token.len <= JWT_TOKEN_MAX)
		buf_addc(&token, 'A');
	check(&rules, buf_str(&token), "longer than 8 KiB");
	buf_release(&token);
}

/* Every single character of a good token matters. */
static void
a_token_with_a_changed_letter_is_refused(void **state)
{
	char *token = xstrdup(VECTOR_TOKEN);
	char tenant[RECORD_MAX_TENANT + 1];
	struct jwt_claims claims;
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; token[i] != '\0'; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		if (jwt_check(&rules, token, NOW, tenant, &claims, &why) == 0)
			fail_msg("letter %zu changed, and it counts", i);
		token[i] = was;
	}
	assert_int_equal(
	    jwt_check(&rules, token, NOW, tenant, &claims, &why), 0);
	free(token);
	buf_release(&why);
}

int
test_jwt(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_made_elsewhere_are_judged_right),
		cmocka_unit_test(a_key_that_is_gone_signs_nothing),
		cmocka_unit_test(another_claim_can_name_the_tenant),
		cmocka_unit_test(a_huge_token_is_not_looked_at),
		cmocka_unit_test(a_token_with_a_changed_letter_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
