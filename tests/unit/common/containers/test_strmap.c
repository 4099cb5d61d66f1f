/*
 * Tests of common/strmap against a plain array.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/containers/strmap.h"

#define KEYS 5000

static void
keeps_what_was_put_in_order(void **state)
{
	static int values[KEYS];
	struct strmap m = STRMAP_INIT;
	struct strmap_entry *e;
	char key[32];
	size_t at = 0;
	int i, len;

	(void)state;
	assert_null(strmap_get(&m, "x", 1));
	assert_null(strmap_delete(&m, "x", 1));
	for (i = 0; i < KEYS; i++) {
		len = snprintf(key, sizeof key, "key-%d", i);
		*strmap_put(&m, key, (size_t)len) = &values[i];
	}
	for (i = 0; i < KEYS; i += 2) {
		len = snprintf(key, sizeof key, "key-%d", i);
		assert_ptr_equal(
		    strmap_delete(&m, key, (size_t)len), &values[i]);
	}
	assert_int_equal(m.live, KEYS / 2);
	for (i = 0; i < KEYS; i++) {
		len = snprintf(key, sizeof key, "key-%d", i);
		assert_ptr_equal(strmap_get(&m, key, (size_t)len),
		    i % 2 ? &values[i] : NULL);
	}
	for (i = 1; (e = strmap_next(&m, &at)) != NULL; i += 2)
		assert_ptr_equal(e->value, &values[i]);
	assert_int_equal(i, KEYS + 1);
	/* A key that was deleted may come again. */
	*strmap_put(&m, "key-0", 5) = &values[0];
	assert_ptr_equal(strmap_get(&m, "key-0", 5), &values[0]);
	strmap_release(&m, NULL);
}

static void
keys_are_bytes(void **state)
{
	struct strmap m = STRMAP_INIT;
	int a, b;

	(void)state;
	*strmap_put(&m, "a\0b", 3) = &a;
	*strmap_put(&m, "", 0) = &b;
	assert_ptr_equal(strmap_get(&m, "a\0b", 3), &a);
	assert_null(strmap_get(&m, "a", 1));
	assert_ptr_equal(strmap_get(&m, "", 0), &b);
	strmap_release(&m, NULL);
}

struct racer {
	pthread_barrier_t *start;
	bool lost;
};

static void *
put_and_get(void *arg)
{
	struct strmap m = STRMAP_INIT;
	struct racer *r = arg;

	(void)pthread_barrier_wait(r->start);
	*strmap_put(&m, "key", 3) = &m;
	*strmap_put(&m, "other", 5) = &m;
	r->lost = strmap_get(&m, "key", 3) != &m;
	strmap_release(&m, NULL);
	return NULL;
}

/* Two threads whose maps are the first of their process. */
static bool
does_a_first_race_lose(void)
{
	pthread_barrier_t start;
	pthread_t threads[2];
	struct racer racers[2] = { { &start, true }, { &start, true } };
	size_t i;

	if (pthread_barrier_init(&start, NULL, 2) != 0)
		return true;
	for (i = 0; i < 2; i++)
		if (pthread_create(
			&threads[i], NULL, put_and_get, &racers[i]) != 0)
			return true;
	for (i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	return racers[0].lost || racers[1].lost;
}

/* Each in a process of its own, as the others of this one have maps. It runs
 * first. */
static void
first_maps_of_two_threads_keep_their_keys(void **state)
{
	int i, status;
	pid_t pid;

	(void)state;
	for (i = 0; i < 1000; i++) {
		pid = fork();
		if (pid == 0)
			_exit(does_a_first_race_lose());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_maps_of_two_threads_keep_their_keys),
		cmocka_unit_test(keeps_what_was_put_in_order),
		cmocka_unit_test(keys_are_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
