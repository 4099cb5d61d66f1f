/*
 * Tests of common/os/state_folder: which folder the environment chooses, and
 * what happens if nothing can be stored there.
 */
#define _DEFAULT_SOURCE /* mkdtemp, nftw */
#define _XOPEN_SOURCE 700

#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

static char tmp[] = "/tmp/state_folder.XXXXXX";

static void
set_env(const char *xdg, const char *home)
{
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	if (xdg != NULL)
		assert_int_equal(setenv("XDG_STATE_HOME", xdg, 1), 0);
	if (home != NULL)
		assert_int_equal(setenv("HOME", home, 1), 0);
}

static void
expect_folder(const char *name)
{
	char *want = xasprintf("%s/%s", tmp, name), *got;
	struct buf why = BUF_INIT;
	struct stat st;

	got = state_folder("poller", &why);
	assert_non_null(got);
	assert_string_equal(got, want);
	assert_int_equal(stat(got, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	buf_release(&why);
	free(got);
	free(want);
}

static void
the_environment_chooses_a_private_folder(void **state)
{
	char *xdg = xasprintf("%s/deep/xdg", tmp);

	(void)state;
	set_env(NULL, tmp);
	expect_folder(".local/state/messaging-analytics/poller");
	set_env("relative/is/ignored", tmp);
	expect_folder(".local/state/messaging-analytics/poller");
	set_env(xdg, tmp);
	expect_folder("deep/xdg/messaging-analytics/poller");
	expect_folder("deep/xdg/messaging-analytics/poller"); /* again */
	free(xdg);
}

static void
expect_reason(const char *part)
{
	struct buf why = BUF_INIT;

	assert_null(state_folder("poller", &why));
	if (strstr(buf_str(&why), part) == NULL)
		fail_msg("no '%s' in '%s'", part, buf_str(&why));
	buf_release(&why);
}

static void
nothing_can_be_kept(void **state)
{
	(void)state;
	set_env(NULL, NULL);
	expect_reason("neither XDG_STATE_HOME nor HOME is set");
	set_env("/dev/null", tmp);
	expect_reason("cannot write to '/dev/null/messaging-analytics/poller'"
		      ": Not a directory");
}

static int
make_tmp(void **state)
{
	(void)state;
	return mkdtemp(tmp) != NULL ? 0 : -1;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
remove_tmp(void **state)
{
	(void)state;
	return nftw(tmp, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int
test_state_folder(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_chooses_a_private_folder),
		cmocka_unit_test(nothing_can_be_kept),
	};

	return cmocka_run_group_tests(tests, make_tmp, remove_tmp);
}
