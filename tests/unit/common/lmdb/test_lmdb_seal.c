/*
 * A seal holds for a day, for one commit, and until the file is written.
 */
#include "tests/unit/tmpdir.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/lmdb/lmdb_seal.h"

static void
a_seal_holds_for_a_day_until_a_write(void **state)
{
	const int64_t now = clock_now_ms(), late = now - DAY_MS,
		      soon = late + MINUTE_MS, ahead = now + HOUR_MS;
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(lmdb_seal_get(fd, 7), 0);
	lmdb_seal_set(fd, 7, soon);
	if (lmdb_seal_get(fd, 7) == 0)
		skip(); /* the file system has no extended attributes */
	assert_int_equal(lmdb_seal_get(fd, 7), soon);
	assert_int_equal(lmdb_seal_get(fd, 8), 0);
	lmdb_seal_set(fd, 7, late);
	assert_int_equal(lmdb_seal_get(fd, 7), 0);
	lmdb_seal_set(fd, 7, ahead);
	assert_int_equal(lmdb_seal_get(fd, 7), 0);
	lmdb_seal_set(fd, 7, soon);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(lmdb_seal_get(fd, 7), 0);
	lmdb_seal_set(fd, 7, soon);
	lmdb_seal_remove(fd);
	assert_int_equal(lmdb_seal_get(fd, 7), 0);
	assert_int_equal(close(fd), 0);
}

int
test_lmdb_seal(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seal_holds_for_a_day_until_a_write),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
