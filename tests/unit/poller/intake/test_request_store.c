/*
 * Tests of the listener's store: how long keys stay, a full disk, and damage.
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "poller/intake/request_store.h"
#include "tests/unit/tmpdir.h"

#define MIB ((size_t)1024 * 1024)

/* Lines that take a page of their own. */
static const char entry[2100] = "{}\n";

static struct request_store *
open_store(const char *dir, size_t max)
{
	enum exit_code code;
	struct buf why = BUF_INIT;
	struct request_store *s = request_store_open(dir, max, 3, &code, &why);

	if (s == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return s;
}

static int
commit(struct request_store *s)
{
	struct buf why = BUF_INIT;
	int rc = request_store_commit(s, &why);

	buf_release(&why);
	return rc;
}

static const struct buf none = BUF_INIT, lines = { (char *)(uintptr_t)entry,
	sizeof entry, 0, 0, false };

/* Removes the lines up to a number, then adds n requests. */
static int
change(struct request_store *s, uint64_t drop, size_t n)
{
	request_store_begin(s);
	request_store_drop(s, drop);
	for (; n > 0; n--)
		assert_true(request_store_add(s, &lines, &none));
	return commit(s);
}

/* Adds a request with a key of that time. */
static void
add_key(struct request_store *s, int64_t at)
{
	struct buf key = { (char *)&at, sizeof at, 0, 0, false };

	request_store_begin(s);
	assert_true(request_store_add(s, &lines, &key));
	assert_int_equal(commit(s), 0);
}

static void
expire(struct request_store *s, int64_t before)
{
	request_store_begin(s);
	request_store_expire(s, before);
	assert_int_equal(commit(s), 0);
}

static bool
add_time(void *ctx, const void *number, size_t number_len, const void *key,
    size_t len)
{
	int64_t at;

	(void)number;
	(void)number_len;
	assert_int_equal(len, sizeof at);
	memcpy(&at, key, sizeof at);
	buf_addf(ctx, " %d", (int)at);
	return true;
}

static void
check_keys(struct request_store *s, const char *want)
{
	struct buf times = BUF_INIT, why = BUF_INIT;

	assert_int_equal(request_store_keys(s, add_time, &times, &why), 0);
	assert_string_equal(buf_str(&times), want);
	buf_release(&times);
}

static void
keys_outlive_their_lines(void **state)
{
	struct request_store *s = open_store(*state, MIB);

	add_key(s, 1);
	assert_int_equal(change(s, 0, 1), 0);
	add_key(s, 2);
	assert_int_equal(change(s, 3, 0), 0);
	assert_int_equal(request_store_first(s), request_store_end(s));
	check_keys(s, " 1 2");
	request_store_close(s);
	s = open_store(*state, MIB);
	expire(s, 2);
	check_keys(s, " 2");
	add_key(s, 3);
	add_key(s, 4);
	add_key(s, 5); /* one too many */
	expire(s, 0);
	check_keys(s, " 3 4 5");
	request_store_close(s);
}

/* Files may not grow any more. */
static void
fill_disk(const struct request_store *s, struct rlimit *before)
{
	struct rlimit full;
	struct stat st;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(stat(request_store_path(s), &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
	full = *before;
	full.rlim_cur = (rlim_t)st.st_size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
}

/* Works like the intake: a commit that fails with new lines is repeated without
 * them, and removes less. */
static int
change_or_remove(struct request_store *s, uint64_t drop, size_t n)
{
	uint64_t first = request_store_first(s), more;

	if (change(s, drop, n) == 0)
		return 0;
	more = drop + 1 - first;
	while (change(s, first - 1 + more, 0) != 0) {
		assert_int_not_equal(more, 0);
		more /= 8;
	}
	return -1;
}

static void
what_is_removed_gives_room_on_a_full_disk(void **state)
{
	struct request_store *s = open_store(*state, 64 * MIB);
	struct rlimit before;
	int rc, i;

	for (i = 0; i < 20; i++)
		assert_int_equal(change(s, 0, 100), 0);
	fill_disk(s, &before);
	rc = change_or_remove(s, 1000, 200);
	assert_int_not_equal(rc, 0);
	for (i = 0; i < 10 && rc != 0; i++)
		rc = change_or_remove(s, 1000, 200);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, 0);
	assert_false(request_store_is_lost(s));
	request_store_close(s);
}

static off_t
size_after_compacting(struct request_store *s)
{
	struct buf why = BUF_INIT;
	struct stat st;

	assert_int_equal(request_store_compact(s, &why), 0);
	assert_int_equal(stat(request_store_path(s), &st), 0);
	buf_release(&why);
	return st.st_size;
}

static void
a_spool_that_is_used_no_more_becomes_small(void **state)
{
	struct request_store *s = open_store(*state, 64 * MIB);
	off_t used;

	assert_int_equal(change(s, 0, 500), 0);
	used = size_after_compacting(s);
	assert_true(used > (off_t)MIB);
	assert_int_equal(change(s, 490, 0), 0);
	assert_true(size_after_compacting(s) < used / 4);
	request_store_close(s);
	s = open_store(*state, 64 * MIB); /* the copy is not damaged */
	assert_int_equal(request_store_first(s), 491);
	assert_int_equal(request_store_end(s), 501);
	assert_int_equal(change(s, 491, 1), 0);
	request_store_close(s);
}

/* Returns how much memory of its own the process has, in bytes. */
static rlim_t
data_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	assert_non_null(f);
	while (kib == 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "VmData:", 7) == 0)
			kib = strtoul(line + 7, NULL, 10);
	(void)fclose(f);
	assert_int_not_equal(kib, 0);
	return (rlim_t)kib * 1024;
}

/* A spool that is compacted after a long outage of the broker may be larger
 * than the memory of the listener. */
static void
a_copy_takes_less_memory_than_the_spool(void **state)
{
	struct request_store *s = open_store(*state, 256 * MIB);
	struct rlimit before, little;
	int i;

	for (i = 0; i < 32; i++)
		assert_int_equal(change(s, 0, 1000), 0);
	assert_int_equal(change(s, 21000, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
	little = before;
	little.rlim_cur = data_bytes() + 28 * MIB;
	assert_int_equal(setrlimit(RLIMIT_DATA, &little), 0);
	assert_true(size_after_compacting(s) > (off_t)(40 * MIB));
	assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
	request_store_close(s);
}

/* Where LMDB's two roots have the number of the page that lists the tables. */
#define TABLES_AT 128

static void
lost_tables_are_not_a_new_file(void **state)
{
	struct request_store *s = open_store(*state, MIB);
	char *path = xstrdup(request_store_path(s));
	const uint64_t gone = UINT64_MAX;
	struct buf why = BUF_INIT;
	enum exit_code code;
	int fd, i;

	assert_int_equal(change(s, 0, 10), 0);
	request_store_close(s);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pwrite(fd, &gone, sizeof gone,
				     i * sysconf(_SC_PAGESIZE) + TABLES_AT),
		    sizeof gone);
	(void)close(fd);
	assert_null(request_store_open(*state, MIB, 3, &code, &why));
	assert_int_equal(code, PROG_IO);
	assert_non_null(strstr(buf_str(&why), "; move it away to start"));
	buf_release(&why);
	free(path);
}

static int
leave(void **state)
{
	tmpdir_empty("spool");
	return rmdir("spool") != 0 ? -1 : tmpdir_leave(state);
}

int
test_request_store(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    keys_outlive_their_lines, tmpdir_enter, leave),
		cmocka_unit_test_setup_teardown(
		    what_is_removed_gives_room_on_a_full_disk, tmpdir_enter,
		    leave),
		cmocka_unit_test_setup_teardown(
		    a_copy_takes_less_memory_than_the_spool, tmpdir_enter,
		    leave),
		cmocka_unit_test_setup_teardown(
		    a_spool_that_is_used_no_more_becomes_small, tmpdir_enter,
		    leave),
		cmocka_unit_test_setup_teardown(
		    lost_tables_are_not_a_new_file, tmpdir_enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
