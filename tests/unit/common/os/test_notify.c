/*
 * Tests of common/notify: what a manager gets, and when it gets nothing.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/os/notify.h"
#include "common/os/stop.h"

/* An abstract name; '@' stands for its zero byte. */
static int manager_fd;
static char manager_name[64];

static void
start_manager(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len;

	snprintf(manager_name, sizeof manager_name, "@test_notify.%d",
	    (int)getpid());
	len = strlen(manager_name);
	memcpy(a.sun_path + 1, manager_name + 1, len - 1);
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(manager_fd >= 0);
	assert_int_equal(bind(manager_fd, (struct sockaddr *)&a,
			     (socklen_t)(sizeof a.sun_family + len)),
	    0);
}

/* The next thing that was said; "" when there is nothing. */
static const char *
said(void)
{
	static char text[64];
	ssize_t n = recv(manager_fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
nobody_listens(void **state)
{
	(void)state;
	notify_alive(); /* before notify_open(), as in a program of cron */
	notify_idle();
	assert_string_equal(said(), "");
	assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1", 1), 0);
	notify_open();
	notify_alive();
	assert_string_equal(said(), "");
}

static void
ready_and_stopping_come_once(void **state)
{
	char us[] = "400000";

	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", manager_name, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", us, 1), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	notify_open();
	notify_ready();
	notify_ready();
	assert_string_equal(said(), "READY=1");
	notify_stopping();
	notify_stopping();
	assert_string_equal(said(), "STOPPING=1");
	assert_string_equal(said(), "");
}

/* Says how it is and waits for the test, between two barriers. */
static pthread_barrier_t turn;

static void *
other_thread(void *ctx)
{
	(void)ctx;
	notify_alive();
	(void)pthread_barrier_wait(&turn); /* alive */
	(void)pthread_barrier_wait(&turn); /* it hung */
	notify_idle();
	(void)pthread_barrier_wait(&turn); /* idle */
	(void)pthread_barrier_wait(&turn);
	notify_alive();
	return NULL;
}

/* Turns of this thread for so long, each within its time. */
static void
go_on(int ms)
{
	for (; ms > 0; ms -= 20)
		(void)stop_sleep(20);
}

static void
drain(void)
{
	while (said()[0] != '\0')
		continue;
}

static void
a_hung_thread_is_enough(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_barrier_init(&turn, NULL, 2), 0);
	go_on(200);
	assert_string_equal(said(), "WATCHDOG=1");
	assert_int_equal(pthread_create(&t, NULL, other_thread, NULL), 0);
	(void)pthread_barrier_wait(&turn);
	go_on(300);
	drain();
	go_on(300);
	assert_string_equal(said(), "");
	(void)pthread_barrier_wait(&turn);
	(void)pthread_barrier_wait(&turn);
	/* It waits for work. */
	go_on(200);
	assert_string_equal(said(), "WATCHDOG=1");
	(void)pthread_barrier_wait(&turn);
	/* It has ended while it was alive. */
	assert_int_equal(pthread_join(t, NULL), 0);
	go_on(300);
	drain();
	go_on(300);
	assert_string_equal(said(), "WATCHDOG=1");
	assert_int_equal(pthread_barrier_destroy(&turn), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(ready_and_stopping_come_once),
		cmocka_unit_test(a_hung_thread_is_enough),
	};

	start_manager();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
