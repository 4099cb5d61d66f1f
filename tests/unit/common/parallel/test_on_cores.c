/*
 * Tests of common/on_cores: every block is made once and used once, in order,
 * whatever the number of blocks; who uses them can stop; more is not made ahead
 * than there are places.
 */
#include "tests/unit/unit.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/parallel/on_cores.h"

#define BLOCKS 1000

struct job {
	atomic_int made[BLOCKS];
	size_t place[ON_CORES_AHEAD]; /* block + 1; 0: free */
	atomic_size_t used;
	size_t stop_at;
	atomic_bool wrong;
};

static void
make(void *ctx, size_t thread, size_t block)
{
	struct job *j = ctx;
	size_t *place = &j->place[block % ON_CORES_AHEAD];

	if (thread >= ON_CORES_MOST || *place != 0 ||
	    block >= atomic_load(&j->used) + ON_CORES_AHEAD)
		atomic_store(&j->wrong, true);
	atomic_fetch_add(&j->made[block], 1);
	*place = block + 1;
}

static bool
use(void *ctx, size_t block)
{
	struct job *j = ctx;
	size_t *place = &j->place[block % ON_CORES_AHEAD];

	if (*place != block + 1 || atomic_load(&j->used) != block)
		atomic_store(&j->wrong, true);
	*place = 0;
	atomic_fetch_add(&j->used, 1);
	return block + 1 != j->stop_at;
}

static void
blocks_come_in_order(void **state)
{
	static const size_t counts[] = { 0, 1, 2, ON_CORES_AHEAD,
		ON_CORES_AHEAD + 1, BLOCKS };
	static struct job j;
	struct on_cores work = { .ctx = &j, .make = make, .use = use };
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(counts); i++) {
		memset(&j, 0, sizeof j);
		work.blocks = counts[i];
		assert_true(on_cores_run(&work));
		assert_false(j.wrong);
		assert_int_equal(j.used, counts[i]);
		for (k = 0; k < BLOCKS; k++)
			assert_int_equal(j.made[k], k < counts[i] ? 1 : 0);
	}
}

static void
it_can_be_stopped(void **state)
{
	static struct job j;
	struct on_cores work = { &j, BLOCKS, make, use };
	size_t k, made = 0;

	(void)state;
	memset(&j, 0, sizeof j);
	j.stop_at = 7;
	assert_false(on_cores_run(&work));
	assert_false(j.wrong);
	assert_int_equal(j.used, 7);
	for (k = 0; k < BLOCKS; k++)
		made += (size_t)j.made[k];
	assert_true(made >= 7 && made <= 7 + ON_CORES_AHEAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_come_in_order),
		cmocka_unit_test(it_can_be_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
