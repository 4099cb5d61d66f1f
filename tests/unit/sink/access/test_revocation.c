/*
 * Tests of the list of revoked tokens in memory. tests/e2e/api_tokens.t tests
 * how tokens get into the table.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/containers/strmap.h"
#include "sink/access/revocation.h"

static struct revocation *
revocation_with(const char *tenant, const char *id)
{
	struct revocation *r = revocation_open();
	struct strmap list = STRMAP_INIT;

	revocation_add(&list, tenant, id);
	revocation_replace(r, &list);
	assert_int_equal(list.n, 0);
	return r;
}

static void
nothing_is_known_before_the_first_list(void **state)
{
	struct revocation *r = revocation_open();
	struct strmap list = STRMAP_INIT;

	(void)state;
	assert_int_equal(revocation_of(r, "acme", "1"), REVOCATION_UNKNOWN);
	/* What has no id is in no list. */
	assert_int_equal(revocation_of(r, "acme", ""), REVOCATION_NONE);
	revocation_replace(r, &list);
	assert_int_equal(revocation_of(r, "acme", "1"), REVOCATION_NONE);
	revocation_close(r);
	revocation_close(NULL);
}

static void
an_id_counts_for_its_tenant_alone(void **state)
{
	struct revocation *r = revocation_with("acme", "1/2");

	(void)state;
	assert_int_equal(revocation_of(r, "acme", "1/2"), REVOCATION_DONE);
	assert_int_equal(revocation_of(r, "acme", "1"), REVOCATION_NONE);
	assert_int_equal(revocation_of(r, "acme", "2"), REVOCATION_NONE);
	assert_int_equal(revocation_of(r, "acm", "e/1/2"), REVOCATION_NONE);
	assert_int_equal(revocation_of(r, "other", "1/2"), REVOCATION_NONE);
	assert_int_equal(revocation_of(r, "ACME", "1/2"), REVOCATION_NONE);
	revocation_close(r);
}

static void
a_new_list_replaces_the_one_before(void **state)
{
	struct revocation *r = revocation_with("acme", "1");
	struct strmap list = STRMAP_INIT;
	char id[16];
	int i;

	(void)state;
	for (i = 2; i < 2 + REVOCATION_MAX; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		revocation_add(&list, "acme", id);
	}
	revocation_replace(r, &list);
	assert_int_equal(revocation_of(r, "acme", "1"), REVOCATION_NONE);
	for (i = 2; i < 2 + REVOCATION_MAX; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		assert_int_equal(revocation_of(r, "acme", id), REVOCATION_DONE);
	}
	revocation_close(r);
}

int
test_revocation(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_first_list),
		cmocka_unit_test(an_id_counts_for_its_tenant_alone),
		cmocka_unit_test(a_new_list_replaces_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
