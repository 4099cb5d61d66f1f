/*
 * Tests of common/lock: one holder at a time, gone with its process.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <sys/wait.h>

#include "common/os/lock.h"

static void
one_holder_at_a_time(void **state)
{
	struct buf why = BUF_INIT;
	int first, second;

	(void)state;
	first = lock_take("run.lock", &why);
	assert_true(first >= 0);
	errno = 0;
	second = lock_take("run.lock", &why);
	assert_int_equal(second, -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_non_null(strstr(buf_str(&why), "'run.lock'"));
	lock_release(first);
	second = lock_take("run.lock", &why);
	assert_true(second >= 0);
	lock_release(second);
	lock_release(-1);
	buf_release(&why);
}

static void
what_cannot_be_locked_is_told_with_a_way_out(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(lock_take("missing/run.lock", &why), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(buf_str(&why),
	    "'missing/run.lock': No such file or directory; check its "
	    "name, and that its folder is there"));
	buf_release(&why);
}

static void
a_killed_holder_lets_go(void **state)
{
	struct buf why = BUF_INIT;
	int pipe_fd[2], fd, status;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (lock_take("run.lock", NULL) < 0 ||
		    write(pipe_fd[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(pipe_fd[0], &c, 1), 1);
	assert_int_equal(lock_take("run.lock", &why), -1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fd = lock_take("run.lock", &why);
	assert_true(fd >= 0);
	lock_release(fd);
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
	buf_release(&why);
}

static void
what_cannot_be_opened_is_named(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(lock_take("missing/run.lock", &why), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(buf_str(&why), "'missing/run.lock': No such"));
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_int_equal(lock_take("link", &why), -1);
	assert_int_not_equal(access("elsewhere", F_OK), 0);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holder_at_a_time),
		cmocka_unit_test(what_cannot_be_locked_is_told_with_a_way_out),
		cmocka_unit_test(a_killed_holder_lets_go),
		cmocka_unit_test(what_cannot_be_opened_is_named),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
