/*
 * Tests of common/http_server/work_queue: jobs run in order, beside other
 * queues, and no more wait than may.
 */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "common/http_server/work_queue.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool open_gate;
static int begun, ended;

struct piece {
	struct work_queue_job job; /* first */
	int place; /* which it was, from 1; 0: it was not done */
};

static void
set(bool *what)
{
	(void)pthread_mutex_lock(&lock);
	*what = true;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static void
wait_for(const bool *what)
{
	(void)pthread_mutex_lock(&lock);
	while (!*what)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static void
number(struct work_queue_job *j)
{
	struct piece *p = (struct piece *)(void *)j;

	(void)pthread_mutex_lock(&lock);
	p->place = ++begun;
	(void)pthread_mutex_unlock(&lock);
}

static void
wait_at_gate(struct work_queue_job *j)
{
	number(j);
	wait_for(&open_gate);
}

static bool went_by;

static void
go_by(struct work_queue_job *j)
{
	(void)j;
	set(&went_by);
}

static void
count_end(void)
{
	(void)pthread_mutex_lock(&lock);
	ended++;
	(void)pthread_mutex_unlock(&lock);
}

static void
one_after_the_other_and_beside_others(void **state)
{
	struct work_queue *slow = work_queue_open(1, 3, 100, count_end);
	struct work_queue *quick = work_queue_open(1, 3, 100, count_end);
	struct work_queue_job other = { .run = go_by };
	struct piece first = { .job = { .run = wait_at_gate } }, more[6];
	int i, put = 0;

	(void)state;
	assert_true(work_queue_put(slow, &first.job));
	/* Three may wait, of whom the first may be one still. */
	for (i = 0; i < 6; i++) {
		more[i] =
		    (struct piece){ .job = { .run = number, .bytes = 1 } };
		if (!work_queue_put(slow, &more[i].job))
			break;
		put++;
	}
	assert_in_range(put, 2, 3);
	assert_true(work_queue_put(quick, &other));
	wait_for(&went_by);
	set(&open_gate);
	work_queue_close(slow);
	assert_int_equal(first.place, 1);
	for (i = 0; i < put; i++)
		assert_int_equal(more[i].place, i + 2);
	work_queue_close(quick);
	assert_int_equal(ended, 2);
}

static void
a_queue_holds_so_many_bytes(void **state)
{
	struct work_queue *l = work_queue_open(1, 100, 100, count_end);
	struct piece first = { .job = { .run = wait_at_gate } };
	struct piece a = { .job = { .run = number, .bytes = 60 } };
	struct piece b = { .job = { .run = number, .bytes = 41 } };
	struct piece c = { .job = { .run = number, .bytes = 40 } };

	(void)state;
	open_gate = false;
	begun = 0;
	assert_true(work_queue_put(l, &first.job));
	assert_true(work_queue_put(l, &a.job));
	assert_false(work_queue_put(l, &b.job));
	assert_true(work_queue_put(l, &c.job));
	set(&open_gate);
	work_queue_close(l);
	assert_int_equal(b.place, 0);
	assert_int_equal(c.place, 3);
}

/* The second job runs while the first waits for it. */
static void
two_threads_run_two_jobs(void **state)
{
	struct work_queue *q = work_queue_open(2, 3, 100, count_end);
	struct piece first = { .job = { .run = wait_at_gate } };
	struct work_queue_job other = { .run = go_by };

	(void)state;
	open_gate = went_by = false;
	ended = 0;
	assert_true(work_queue_put(q, &first.job));
	assert_true(work_queue_put(q, &other));
	wait_for(&went_by);
	set(&open_gate);
	work_queue_close(q);
	assert_int_equal(ended, 2);
}

/* Of two threads one is for others; of four places two. */
static void
a_lane_leaves_room_for_others(void **state)
{
	struct work_queue *q = work_queue_open(2, 4, 100, count_end);
	struct piece first = { .job = { .run = wait_at_gate, .lane = 1 } };
	struct piece more[3];
	struct work_queue_job other = { .run = go_by, .lane = 2 };
	int i;

	(void)state;
	open_gate = went_by = false;
	begun = 0;
	assert_true(work_queue_put(q, &first.job));
	for (i = 0; i < 3; i++)
		more[i] = (struct piece){ .job = { .run = number, .lane = 1 } };
	assert_true(work_queue_put(q, &more[0].job));
	/* Two of it may wait, of whom the first may be one still. */
	if (work_queue_put(q, &more[1].job))
		assert_false(work_queue_put(q, &more[2].job));
	assert_true(work_queue_put(q, &other));
	wait_for(&went_by);
	assert_int_equal(more[0].place, 0);
	set(&open_gate);
	work_queue_close(q);
	/* The one behind it may begin as soon, when no others can come. */
	assert_in_range(more[0].place, 2, 3);
}

static void
one_that_had_nothing_to_do_ends(void **state)
{
	(void)state;
	ended = 0;
	work_queue_close(work_queue_open(1, 1, 1, count_end));
	work_queue_close(NULL);
	assert_int_equal(ended, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other_and_beside_others),
		cmocka_unit_test(a_queue_holds_so_many_bytes),
		cmocka_unit_test(two_threads_run_two_jobs),
		cmocka_unit_test(a_lane_leaves_room_for_others),
		cmocka_unit_test(one_that_had_nothing_to_do_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
