/*
 * Tests of common/http/work_queue: one thread runs the jobs of all lanes; of
 * two threads, one is always free for other lanes.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/http/work_queue.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static char ran[16]; /* letters of the jobs that have begun, in order */
static bool held;    /* a job with a capital letter waits while this is set */

struct lettered {
	struct work_queue_job job;
	char letter;
};

static void
run_lettered(struct work_queue_job *j)
{
	const struct lettered *l = (struct lettered *)(void *)j;

	(void)pthread_mutex_lock(&lock);
	ran[strlen(ran)] = l->letter;
	(void)pthread_cond_broadcast(&change);
	while (held && l->letter <= 'Z')
		(void)pthread_cond_wait(&change, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static void
wait_until_ran(const char *want)
{
	struct timespec end = { .tv_sec = time(NULL) + 60 };
	int rc = 0;

	(void)pthread_mutex_lock(&lock);
	while (rc == 0 && strlen(ran) < strlen(want))
		rc = pthread_cond_timedwait(&change, &lock, &end);
	(void)pthread_mutex_unlock(&lock);
	assert_string_equal(ran, want);
}

static void
hold(bool yes)
{
	(void)pthread_mutex_lock(&lock);
	held = yes;
	(void)pthread_cond_broadcast(&change);
	(void)pthread_mutex_unlock(&lock);
}

static void
at_end(void)
{
}

static struct lettered
job(char letter, uint64_t lane)
{
	return (struct lettered){
		.job = { .run = run_lettered, .bytes = 1, .lane = lane },
		.letter = letter
	};
}

static void
one_thread_runs_all(void **state)
{
	struct work_queue *q = work_queue_open(1, 10, 10, at_end);
	struct lettered a = job('a', 1), b = job('b', 2), c = job('c', 0);

	(void)state;
	memset(ran, 0, sizeof ran);
	assert_true(work_queue_put(q, &a.job));
	wait_until_ran("a");
	assert_true(work_queue_put(q, &b.job));
	wait_until_ran("ab");
	assert_true(work_queue_put(q, &c.job));
	wait_until_ran("abc");
	work_queue_close(q);
}

static void
a_lane_leaves_a_thread_to_others(void **state)
{
	struct work_queue *q = work_queue_open(2, 10, 10, at_end);
	struct lettered first = job('A', 1), second = job('b', 1),
			other = job('c', 2);

	(void)state;
	memset(ran, 0, sizeof ran);
	hold(true);
	assert_true(work_queue_put(q, &first.job));
	wait_until_ran("A");
	assert_true(work_queue_put(q, &second.job));
	assert_true(work_queue_put(q, &other.job));
	wait_until_ran("Ac");
	hold(false);
	wait_until_ran("Acb");
	work_queue_close(q);
}

static void
a_lane_takes_half_of_the_places(void **state)
{
	struct work_queue *q = work_queue_open(1, 4, 10, at_end);
	struct lettered first = job('A', 0);
	struct lettered jobs[] = { job('b', 1), job('c', 1), job('d', 1),
		job('e', 2), job('f', 0), job('g', 0) };
	size_t i, taken = 0;

	(void)state;
	memset(ran, 0, sizeof ran);
	hold(true);
	assert_true(work_queue_put(q, &first.job));
	wait_until_ran("A");
	for (i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
		taken += work_queue_put(q, &jobs[i].job);
	/* There is no space for the third job of lane 1, nor for the fifth of
	 * all lanes. */
	assert_int_equal(taken, 4);
	jobs[5].job.bytes = 11;
	assert_false(work_queue_put(q, &jobs[5].job));
	hold(false);
	work_queue_close(q);
	assert_int_equal(strlen(ran), 5);
	assert_null(strchr(ran, 'd'));
	assert_null(strchr(ran, 'g'));
}

int
test_work_queue(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_runs_all),
		cmocka_unit_test(a_lane_leaves_a_thread_to_others),
		cmocka_unit_test(a_lane_takes_half_of_the_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
