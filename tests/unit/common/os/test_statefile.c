/*
 * Tests of common/statefile: whole or not at all, damage found at every byte.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <sys/resource.h>

#include "common/os/statefile.h"

#define CONTENT "cursor=17\nat=2026-11-20T10:00:00.000Z\n"

static void
content_comes_back(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ CONTENT, sizeof CONTENT - 1 },
		{ "", 0 },
		{ "\0\n\0", 3 },
		{ "messaging-state 1 nested\n", 25 },
	};
	struct buf got = BUF_INIT, why = BUF_INIT;
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
		    statefile_write("state", cases[i].data, cases[i].len, &why),
		    0);
		buf_adds(&got, "left over");
		assert_int_equal(statefile_read("state", &got, &why), 1);
		assert_int_equal(got.len, cases[i].len);
		assert_memory_equal(buf_str(&got), cases[i].data, got.len);
	}
	assert_int_equal(stat("state", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access("state.new", F_OK), 0);
	buf_release(&got);
	buf_release(&why);
}

static void
no_file_is_no_error(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;

	(void)state;
	assert_int_equal(statefile_read("none", &got, &why), 0);
	assert_int_equal(statefile_read(".", &got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "directory"));
	buf_release(&got);
	buf_release(&why);
}

/* Every byte changed, every length cut. */
static void
damage_is_found(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	char whole[256], bad[256];
	ssize_t n;
	size_t len, i;
	int fd;

	(void)state;
	assert_int_equal(
	    statefile_write("state", CONTENT, sizeof CONTENT - 1, &why), 0);
	fd = open("state", O_RDONLY | O_CLOEXEC);
	n = read(fd, whole, sizeof whole);
	(void)close(fd);
	assert_in_range(n, sizeof CONTENT, sizeof whole - 1);
	len = (size_t)n;
	for (i = 0; i < len; i++) {
		memcpy(bad, whole, len);
		bad[i] ^= 1;
		tmpdir_file("bad", bad, len, 0600);
		assert_int_equal(statefile_read("bad", &got, &why), -1);
		tmpdir_file("bad", whole, i, 0600);
		assert_int_equal(statefile_read("bad", &got, &why), -1);
	}
	memcpy(bad, whole, len);
	bad[len] = 'x';
	tmpdir_file("bad", bad, len + 1, 0600);
	assert_int_equal(statefile_read("bad", &got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "'bad' is damaged"));
	whole[sizeof "messaging-state " - 1] = '1';
	tmpdir_file("bad", whole, len, 0600);
	assert_int_equal(statefile_read("bad", &got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "'bad' is of a version"));
	buf_release(&got);
	buf_release(&why);
}

static void
a_pipe_is_no_file(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(statefile_read("pipe", &got, &why), -1);
	assert_string_equal(buf_str(&why), "cannot read 'pipe': Illegal seek; "
					   "it is a pipe; remove it, or name a "
					   "file");
	assert_int_equal(mkfifo("next.new", 0600), 0);
	assert_int_equal(statefile_write("next", "x", 1, &why), -1);
	buf_release(&got);
	buf_release(&why);
}

/* A full disk, played by a limit on the size of files. */
static void
a_failed_write_leaves_the_old_content(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	struct rlimit old, small;
	static char big[8192];

	(void)state;
	assert_int_equal(statefile_write("state", "old", 3, &why), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(statefile_write("state", big, sizeof big, &why), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(statefile_read("state", &got, &why), 1);
	assert_string_equal(buf_str(&got), "old");
	assert_int_not_equal(access("state.new", F_OK), 0);
	assert_int_equal(statefile_write("no/state", "x", 1, &why), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(buf_str(&why), "'no/state'"));
	buf_release(&got);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_comes_back),
		cmocka_unit_test(no_file_is_no_error),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(a_pipe_is_no_file),
		cmocka_unit_test(a_failed_write_leaves_the_old_content),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
