/*
 * Tests of common/thread: a thread has its name, no signal comes to it, those
 * of who makes it stay as they were, and it is told why there is none.
 */
#define _GNU_SOURCE /* pthread_getname_np, pthread_setattr_default_np */

#include "tests/unit/unit.h"

#include "common/os/thread.h"

#include <signal.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

#include "tests/unit/tmpdir.h"

/* More than there are addresses. */
#define STACK_TOO_LARGE ((size_t)1 << 60)

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *
tell_signals(void *ctx)
{
	(void)pthread_mutex_lock(&gate);
	(void)pthread_sigmask(SIG_SETMASK, NULL, ctx);
	(void)pthread_mutex_unlock(&gate);
	return ctx;
}

static void
no_signal_comes_to_it(void **state)
{
	struct buf why = BUF_INIT;
	sigset_t one, mine, its;
	char name[16];
	pthread_t t;
	void *result;

	(void)state;
	(void)sigemptyset(&one);
	(void)sigaddset(&one, SIGUSR1);
	(void)pthread_sigmask(SIG_SETMASK, &one, NULL);
	(void)sigemptyset(&its);
	(void)pthread_mutex_lock(&gate);
	assert_int_equal(
	    thread_start(&t, "keeper", tell_signals, &its, &why), PROG_OK);
	assert_int_equal(pthread_getname_np(t, name, sizeof name), 0);
	(void)pthread_mutex_unlock(&gate);
	assert_int_equal(pthread_join(t, &result), 0);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mine);
	assert_string_equal(name, "keeper");
	assert_ptr_equal(result, &its);
	assert_int_equal(sigismember(&its, SIGTERM), 1);
	assert_int_equal(sigismember(&its, SIGHUP), 1);
	assert_int_equal(sigismember(&its, SIGVTALRM), 1);
	assert_int_equal(sigismember(&mine, SIGTERM), 0);
	assert_int_equal(sigismember(&mine, SIGUSR1), 1);
}

static jmp_buf died;

static void
die_jumps(enum exit_code code)
{
	longjmp(died, (int)code);
}

static void
without_a_thread_there_is_a_reason(void **state)
{
	struct buf why = BUF_INIT;
	pthread_attr_t before, large;
	enum exit_code code;
	char err[256];
	pthread_t t;
	int saved, end;

	(void)state;
	assert_int_equal(pthread_getattr_default_np(&before), 0);
	assert_int_equal(pthread_getattr_default_np(&large), 0);
	assert_int_equal(pthread_attr_setstacksize(&large, STACK_TOO_LARGE), 0);
	assert_int_equal(pthread_setattr_default_np(&large), 0);
	code = thread_start(&t, "large", tell_signals, NULL, &why);
	prog_die_hook = die_jumps;
	saved = tmpdir_catch_stderr();
	end = setjmp(died);
	if (end == 0)
		thread_must_start(&t, "large", tell_signals, NULL);
	tmpdir_stderr(saved, err, sizeof err);
	prog_die_hook = NULL;
	assert_int_equal(pthread_setattr_default_np(&before), 0);
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_string_equal(buf_str(&why),
	    "cannot start a thread: Resource temporarily unavailable; try "
	    "again, or raise the limit of threads (TasksMax, ulimit -u)");
	assert_int_equal(end, PROG_TEMPFAIL);
	assert_non_null(strstr(err, buf_str(&why)));
	(void)pthread_attr_destroy(&before);
	(void)pthread_attr_destroy(&large);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_signal_comes_to_it),
		cmocka_unit_test(without_a_thread_there_is_a_reason),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
