/*
 * Tests of common/os/file: lines appended to a pipe.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/os/file.h"
#include "tests/unit/tmpdir.h"

/* A file that is not regular cannot be locked or repaired, but written to. */
static void
lines_may_go_to_a_pipe(void **state)
{
	struct append_file f = { .fd = -1 };
	struct buf lines = BUF_INIT;
	char path[64], got[8] = "";
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd[1]);
	f.path = path;
	assert_int_equal(append_file_open(&f), 0);
	buf_adds(&lines, "a line\n");
	assert_int_equal(append_file_write(&f, &lines, false), 0);
	assert_int_equal(read(fd[0], got, sizeof got - 1), 7);
	assert_string_equal(got, "a line\n");
	append_file_close(&f);
	buf_release(&lines);
	close(fd[0]);
	close(fd[1]);
}

/* Opening it in the usual way would wait for a reader. */
static void
a_pipe_without_a_reader_is_refused(void **state)
{
	struct append_file f = {
		.path = "pipe", .flags = O_NONBLOCK, .fd = -1
	};
	struct buf line = BUF_INIT;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(f.path, 0600), 0);
	(void)alarm(60);
	assert_int_equal(append_file_open(&f), -1);
	assert_int_equal(errno, ENXIO);
	(void)alarm(0);
	reader = open(f.path, O_RDONLY | O_NONBLOCK);
	buf_adds(&line, "a line\n");
	assert_int_equal(append_file_write(&f, &line, false), 0);
	assert_int_equal(fcntl(f.fd, F_GETFL) & O_NONBLOCK, 0);
	append_file_close(&f);
	buf_release(&line);
	close(reader);
}

int
test_file(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_may_go_to_a_pipe),
		cmocka_unit_test(a_pipe_without_a_reader_is_refused),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
