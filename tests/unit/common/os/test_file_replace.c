/*
 * Tests of common/file_replace: whole or not at all, whatever is there under
 * its temporary name, which is told when it is in the way.
 */
#include "tests/unit/tmpdir.h"

#include "common/os/file.h"
#include "common/os/file_replace.h"

static void
assert_content(const char *path, const char *want)
{
	struct buf got = BUF_INIT;

	assert_int_equal(file_read_path(path, 0, &got), 0);
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
}

static enum exit_code
replace(const char *path, const char *text, struct buf *why)
{
	buf_clear(why);
	return file_replace(path, 0640, text, strlen(text), why);
}

static void
a_file_is_replaced_as_a_whole(void **state)
{
	char *new = xasprintf("file.%ld.new", (long)getpid());
	struct buf why = BUF_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(replace("file", "first", &why), PROG_OK);
	assert_content("file", "first");
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07137, 0);
	/* What another left, and a link to what is not to be written. */
	tmpdir_file("mine", "mine", 4, 0600);
	assert_int_equal(symlink("mine", new), 0);
	assert_int_equal(replace("file", "second", &why), PROG_OK);
	assert_content("file", "second");
	assert_content("mine", "mine");
	assert_int_not_equal(access(new, F_OK), 0);
	buf_release(&why);
	free(new);
}

static void
what_is_in_the_way_is_told(void **state)
{
	char *new = xasprintf("file.%ld.new", (long)getpid());
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(mkdir(new, 0700), 0);
	assert_int_equal(replace("file", "third", &why), PROG_CANTCREATE);
	assert_non_null(strstr(buf_str(&why), new));
	assert_int_equal(rmdir(new), 0);
	assert_content("file", "second");
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(replace("folder", "x", &why), PROG_CANTCREATE);
	assert_non_null(strstr(buf_str(&why), "'folder'"));
	assert_int_equal(rmdir("folder"), 0);
	assert_int_equal(replace("none/file", "x", &why), PROG_CANTCREATE);
	buf_release(&why);
	free(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
		cmocka_unit_test(what_is_in_the_way_is_told),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
