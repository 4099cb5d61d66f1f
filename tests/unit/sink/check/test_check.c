/*
 * Tests of sink/check: which servers will do.
 */
#include "tests/unit/unit.h"

#include "sink/check/check.h"

static const struct {
	const char *version;
	bool mariadb, fits;
} servers[] = {
	{ "10.5.29-MariaDB-log", true, false },
	{ "10.6.0-MariaDB", true, true },
	{ "10.11.19-MariaDB-0+deb12u1", true, true },
	{ "11.4.2-MariaDB", true, true },
	{ "5.7.44-log", false, false },
	{ "8.0.36", false, true },
	{ "8.4.0", false, true },
	{ "9", false, true },
	{ "", false, false },
};

/* The views read JSON_TABLE, which others do not have. */
static void
servers_that_have_what_the_views_read_will_do(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof servers / sizeof servers[0]; i++)
		if (check_version_fits(servers[i].version,
			servers[i].mariadb) != servers[i].fits)
			fail_msg("%s", servers[i].version);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_that_have_what_the_views_read_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
