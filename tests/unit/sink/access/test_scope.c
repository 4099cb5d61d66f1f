/*
 * Tests of sink/access/scope: viewers who differ in a single attribute see
 * different data, also if two tenants have teams and operators with equal
 * names.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "sink/access/scope.h"

/* Operator 7 is in another team of each tenant, and both have a team day. */
static struct team_member members[] = {
	{ "acme", "day:", 3, "7" },
	{ "acme", "day:", 3, "8" },
	{ "beta", "day:", 3, "9" },
	{ "beta", "night:", 5, "7" },
};
static const struct teams teams = { members, ARRAY_LEN(members), 0 };

static struct viewer
lead_of(const char *tenant)
{
	struct viewer v = { .role = VIEWER_LEAD, .teams = &teams };

	(void)snprintf(v.tenant, sizeof v.tenant, "%s", tenant);
	return v;
}

static struct viewer
operator_of(const char *tenant, const char *id)
{
	struct viewer v = lead_of(tenant);

	v.role = VIEWER_OPERATOR;
	(void)snprintf(v.claims.subject, sizeof v.claims.subject, "%s", id);
	return v;
}

/* names: each with a newline. */
static struct viewer
of_teams(struct viewer v, const char *names)
{
	v.claims.in_teams = true;
	(void)snprintf(v.claims.teams, sizeof v.claims.teams, "%s", names);
	return v;
}

static void
viewers_share_an_answer_only_if_they_see_the_same(void **state)
{
	const struct viewer all[] = { lead_of("acme"), lead_of("beta"),
		of_teams(lead_of("acme"), ""),
		of_teams(lead_of("acme"), "day\n"),
		of_teams(lead_of("beta"), "day\n"),
		of_teams(lead_of("acme"), "night\n"), operator_of("acme", "7"),
		operator_of("acme", "8"), operator_of("beta", "7"),
		of_teams(operator_of("acme", "7"), "day\n") };
	struct viewer named = lead_of("acme");
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++)
		for (k = 0; k < ARRAY_LEN(all); k++)
			if (scope_equals(&all[i], &all[k]) != (i == k))
				fail_msg("viewers %zu and %zu", i, k);
	/* A lead's name is only for the audit log. */
	named.claims.subject[0] = 'a';
	assert_true(scope_equals(&named, &all[0]));
}

static void
assert_sees(const struct viewer *v, const char *ids, const char *totals)
{
	static const char *const known[] = { "7", "8", "9" };
	struct buf sql = BUF_INIT;
	char hex[8];
	size_t i;

	scope_add_totals(v, "operator", &sql);
	for (i = 0; i < ARRAY_LEN(known); i++) {
		assert_int_equal(
		    scope_has(v, known[i]), strchr(ids, *known[i]) != NULL);
		/* Ids are written in hexadecimal. */
		(void)snprintf(hex, sizeof hex, "X'3%c'", *known[i]);
		assert_int_equal(strstr(buf_str(&sql), hex) != NULL,
		    strchr(totals, *known[i]) != NULL);
	}
	buf_release(&sql);
}

static void
teams_of_another_tenant_do_not_count(void **state)
{
	const struct viewer acme = of_teams(lead_of("acme"), "day\n"),
			    beta = of_teams(lead_of("beta"), "day\n"),
			    night = of_teams(lead_of("acme"), "night\n"),
			    seven = operator_of("acme", "7"),
			    other = operator_of("beta", "7"),
			    nine = operator_of("acme", "9");

	(void)state;
	assert_sees(&acme, "78", "78");
	assert_sees(&beta, "9", "9");
	assert_sees(&night, "", "");
	assert_sees(&seven, "7", "78");
	assert_sees(&other, "7", "7");
	/* Operator 9 is in a team of the other tenant only. */
	assert_sees(&nine, "9", "");
	assert_false(scope_limits_totals(&nine));
	assert_true(teams_have(&teams, "beta", "night", 5));
	assert_false(teams_have(&teams, "acme", "night", 5));
	assert_false(teams_have(&teams, "acme", "da", 2));
}

static void
each_tenant_lists_its_own_teams(void **state)
{
	const struct viewer acme = lead_of("acme"), beta = lead_of("beta");
	const struct team_member *m;
	size_t at = 0;

	(void)state;
	m = scope_next_team(&acme, "7", &at);
	assert_ptr_equal(m, &members[0]);
	assert_null(scope_next_team(&acme, "7", &at));
	at = 0;
	m = scope_next_team(&beta, "7", &at);
	assert_ptr_equal(m, &members[3]);
	assert_null(scope_next_team(&beta, "7", &at));
}

int
test_scope(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    viewers_share_an_answer_only_if_they_see_the_same),
		cmocka_unit_test(teams_of_another_tenant_do_not_count),
		cmocka_unit_test(each_tenant_lists_its_own_teams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
