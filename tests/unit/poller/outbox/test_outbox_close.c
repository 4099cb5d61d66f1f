/*
 * Test of outbox_close(): whatever the publisher is at, it does not sleep once
 * it was asked to end. Here it is asked while it removes old dead letters: by
 * the removal itself, which this file stands for, so that no other moment can
 * be met.
 */
#define _GNU_SOURCE /* pthread_cond_clockwait */

#include "tests/unit/tmpdir.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/outbox/outbox_impl.h"

#define OLD "2020-01-01.ndjson"

static struct outbox *outbox;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool opened, removed;
static bool asked;     /* under the outbox's lock */
static unsigned slept; /* how often the publisher did after that */

/* As outbox_close() asks. */
static void
ask_to_end(void)
{
	(void)pthread_mutex_lock(&lock);
	while (!opened)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_lock(&outbox->lock);
	outbox->closing = asked = true;
	(void)pthread_cond_broadcast(&outbox->publishing);
	(void)pthread_mutex_unlock(&outbox->lock);
	removed = true;
	(void)pthread_cond_signal(&changed);
	(void)pthread_mutex_unlock(&lock);
}

int
unlinkat(int dir, const char *name, int flags)
{
	if (strcmp(name, OLD) == 0)
		ask_to_end();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* Its clock is the monotonic one; see thread_deadline(). */
int
pthread_cond_timedwait(
    pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *end)
{
	/* Who waits has the outbox's lock, under which `asked` was set. */
	slept += asked && c == &outbox->publishing;
	return pthread_cond_clockwait(c, m, CLOCK_MONOTONIC, end);
}

static void
an_end_is_not_slept_through(void **state)
{
	struct outbox_options opt = { .to = "out",
		.dead_letter_files = dead_letter_files_open("dead", DAY_MS) };
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(mkdir("dead", 0700), 0);
	tmpdir_file("dead/" OLD, "{}\n", 3, 0600);
	outbox = outbox_open(&opt, &code, &why);
	assert_non_null(outbox);
	(void)pthread_mutex_lock(&lock);
	opened = true;
	(void)pthread_cond_broadcast(&changed);
	while (!removed)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
	outbox_close(outbox);
	assert_int_equal(slept, 0);
	assert_int_equal(rmdir("dead"), 0);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_not_slept_through),
	};

	unsetenv("MESSAGING_CONFIG");
	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
