/*
 * Tests of daemon_metrics without a daemon: a file that cannot be written is
 * one warning, with the way out of that very error. (What it says:
 * tests/e2e/daemon_metrics.t.)
 */
#include "tests/unit/tmpdir.h"

#include <string.h>

#include "common/conf/conf.h"
#include "common/monitoring/daemon_metrics.h"

static void
a_warning_has_the_way_out(void **state)
{
	static const struct {
		const char *folder, *want;
	} cases[] = {
		{ "nowhere", "No such file or directory; check its name" },
		{ "my.conf", "Not a directory; a part of its name is a file" },
	};
	struct conf *c;
	char text[4096], *conf;
	size_t i;
	int saved;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		conf = xasprintf("[metrics]\nfolder = %s\n", cases[i].folder);
		tmpdir_file("my.conf", conf, strlen(conf), 0600);
		c = conf_load("my.conf", NULL);
		assert_non_null(c);
		saved = tmpdir_catch_stderr();
		daemon_metrics_close(daemon_metrics_open(c, "q", NULL, NULL));
		tmpdir_stderr(saved, text, sizeof text);
		if (strstr(text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].folder, text);
		assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
		conf_free(c);
		free(conf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_warning_has_the_way_out),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
