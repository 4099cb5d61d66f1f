/*
 * Tests of the listener's store at its limits: many keys, a full disk, and keys
 * that cannot be stored.
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/request_store.h"
#include "tests/unit/tmpdir.h"

#define MIB ((size_t)1024 * 1024)

/* An entry that takes a page of its own. */
static const char entry[2100] = "{}\n";

static struct request_store *
open_store(const char *dir, size_t max)
{
	enum exit_code code;
	struct buf why = BUF_INIT;
	struct request_store *s = request_store_open(dir, max, &code, &why);

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

/* Removes the entries up to a number, then adds n entries. */
static int
change(struct request_store *s, enum request_queue q, uint64_t drop, size_t n)
{
	request_store_begin(s);
	request_store_drop(s, q, drop);
	for (; n > 0; n--)
		assert_true(request_store_add(s, q, entry, sizeof entry));
	return commit(s);
}

/* With a small spool. */
static void
keys_have_room_beside_the_lines(void **state)
{
	struct request_store *s = open_store(*state, MIB);
	int i;

	for (i = 0; i < 25; i++)
		assert_int_equal(change(s, REQUEST_KEYS, 0, 1000), 0);
	request_store_close(s);
	s = open_store(*state, MIB);
	assert_int_equal(request_store_end(s, REQUEST_KEYS), 25001);
	assert_int_equal(change(s, REQUEST_KEYS, 25000, 1), 0);
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
	uint64_t first = request_store_first(s, REQUEST_LINES), more;

	if (change(s, REQUEST_LINES, drop, n) == 0)
		return 0;
	more = drop + 1 - first;
	while (change(s, REQUEST_LINES, first - 1 + more, 0) != 0) {
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
		assert_int_equal(change(s, REQUEST_LINES, 0, 100), 0);
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

static void
keys_that_cannot_be_stored_are_refused_at_last(void **state)
{
	struct request_store *s = open_store(*state, MIB);
	enum idempotency_verdict v = IDEMPOTENCY_NEW;
	struct buf why = BUF_INIT;
	struct idempotency *m = idempotency_open(s, 1000, &why);
	char key[IDEMPOTENCY_KEY_MAX + 1];
	int i;

	assert_non_null(m);
	for (i = 0; i < 200000 && v == IDEMPOTENCY_NEW; i++) {
		struct idempotent r = { .at = i };

		(void)snprintf(key, sizeof key, "%0180d", i);
		v = idempotency_first(m, "t", "k", key, &r);
		if (i % 20000 == 19999) {
			request_store_begin(s);
			idempotency_save(m, s);
			assert_int_equal(commit(s), 0);
			idempotency_saved(m, false);
		}
	}
	assert_int_equal(v, IDEMPOTENCY_FAILED);
	idempotency_saved(m, true);
	v = idempotency_first(
	    m, "t", "k", "one more", &(struct idempotent){ .at = i });
	assert_int_equal(v, IDEMPOTENCY_NEW);
	idempotency_close(m);
	request_store_close(s);
	buf_release(&why);
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

	assert_int_equal(change(s, REQUEST_LINES, 0, 500), 0);
	used = size_after_compacting(s);
	assert_true(used > (off_t)MIB);
	assert_int_equal(change(s, REQUEST_LINES, 490, 0), 0);
	assert_true(size_after_compacting(s) < used / 4);
	request_store_close(s);
	s = open_store(*state, 64 * MIB); /* the copy is not damaged */
	assert_int_equal(request_store_first(s, REQUEST_LINES), 491);
	assert_int_equal(request_store_end(s, REQUEST_LINES), 501);
	assert_int_equal(change(s, REQUEST_LINES, 491, 1), 0);
	request_store_close(s);
}

/* Where LMDB's two roots have the number of the page that lists the tables. */
#define TABLES_AT 128

static void
lost_tables_are_not_a_new_file(void **state)
{
	struct request_store *s = open_store(*state, MIB);
	char *path = xstrdup(request_store_path(s));
	const uint64_t none = UINT64_MAX;
	struct buf why = BUF_INIT;
	enum exit_code code;
	int fd, i;

	assert_int_equal(change(s, REQUEST_LINES, 0, 10), 0);
	request_store_close(s);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pwrite(fd, &none, sizeof none,
				     i * sysconf(_SC_PAGESIZE) + TABLES_AT),
		    sizeof none);
	(void)close(fd);
	assert_null(request_store_open(*state, MIB, &code, &why));
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
		    keys_have_room_beside_the_lines, tmpdir_enter, leave),
		cmocka_unit_test_setup_teardown(
		    what_is_removed_gives_room_on_a_full_disk, tmpdir_enter,
		    leave),
		cmocka_unit_test_setup_teardown(
		    keys_that_cannot_be_stored_are_refused_at_last,
		    tmpdir_enter, leave),
		cmocka_unit_test_setup_teardown(
		    a_spool_that_is_used_no_more_becomes_small, tmpdir_enter,
		    leave),
		cmocka_unit_test_setup_teardown(
		    lost_tables_are_not_a_new_file, tmpdir_enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
