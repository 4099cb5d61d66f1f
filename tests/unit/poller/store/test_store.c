/*
 * The state: what is committed is there, what is not is not, and a file that
 * is no good is refused with a way out.
 */
#define _DEFAULT_SOURCE /* mkdtemp, truncate */

#include "tests/unit/poller_store.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "poller/store/store.h"

static char dir[64];

static int
setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	(void)snprintf(dir, sizeof dir, "%s/test_store.XXXXXX",
	    tmp != NULL && strlen(tmp) < 32 ? tmp : "/tmp");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static void
path_of(const char *name, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/%s", dir, name);
}

static int
teardown(void **state)
{
	static const char *const names[] = { "t.mdb", "t.mdb-lock", "t.lock" };
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		path_of(names[i], path, sizeof path);
		(void)unlink(path);
	}
	return rmdir(dir);
}

/* "" when there is none. */
static const char *
get(struct store *s, const char *key)
{
	const void *data;
	size_t len;

	return store_get(s, STORE_CHATS, key, &data, &len) ? data : "";
}

static void
put(struct store *s, const char *key, const char *value)
{
	store_put(s, STORE_CHATS, key, value, strlen(value) + 1);
}

static void
committed_values_stay(void **state)
{
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE);

	(void)state;
	put(s, "a", "1");
	put(s, "b", "2");
	store_set_number(s, "n", -5);
	assert_string_equal(get(s, "a"), "");
	commit_store(s);
	assert_string_equal(get(s, "a"), "1");
	put(s, "a", "never");
	store_delete(s, STORE_CHATS, "b");
	store_close(s); /* without committing */

	s = open_store(dir, "t", STORE_EXCLUSIVE);
	assert_string_equal(get(s, "a"), "1");
	assert_string_equal(get(s, "b"), "2");
	assert_int_equal(store_number(s, "n", 0), -5);
	assert_int_equal(store_number(s, "m", 7), 7);
	store_delete(s, STORE_CHATS, "b");
	store_delete(s, STORE_CHATS, "not there");
	commit_store(s);
	assert_string_equal(get(s, "b"), "");
	store_empty(s, STORE_CHATS);
	assert_string_equal(get(s, "a"), "");
	put(s, "c", "3");
	commit_store(s);
	assert_string_equal(get(s, "a"), "");
	assert_string_equal(get(s, "c"), "3");
	store_close(s);
}

static void
count_entry(void *ctx, const char *key, const void *data, size_t len)
{
	(void)key;
	(void)data;
	*(size_t *)ctx += len;
}

static void
the_file_grows_by_need(void **state)
{
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE);
	char *big = xcalloc(1, 1 << 20), key[16];
	size_t sum = 0;
	int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		store_put(s, STORE_CHATS, key, big, 1 << 20);
	}
	commit_store(s);
	store_close(s);
	s = open_store(dir, "t", STORE_EXCLUSIVE);
	store_each(s, STORE_CHATS, count_entry, &sum);
	assert_int_equal(sum, 40 << 20);
	store_close(s);
	free(big);
}

static void
one_poll_at_a_time(void **state)
{
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE), *other;
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	(void)state;
	other = store_open(dir, "t", STORE_EXCLUSIVE, &code, &why);
	assert_null(other);
	assert_int_equal(code, PROG_TEMPFAIL);
	store_close(s);
	buf_release(&why);
}

/* Others may count meanwhile: as another process, for that is how it is. */
static void
others_may_count_meanwhile(void **state)
{
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE), *other;
	int status;
	pid_t pid;

	(void)state;
	put(s, "a", "1");
	commit_store(s);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		other = open_store(dir, "t", STORE_SHARED);
		store_set_number(other, "n", 3);
		status = strcmp(get(other, "a"), "1") != 0;
		commit_store(other);
		store_close(other);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	put(s, "b", "2");
	commit_store(s);
	assert_int_equal(store_number(s, "n", 0), 3);
	store_close(s);
}

/* The state with something in it, then damaged. */
static void
make_file(void)
{
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE);
	char key[16], value[600];
	int i;

	memset(value, 'x', sizeof value);
	for (i = 0; i < 500; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		store_put(s, STORE_CHATS, key, value, sizeof value);
	}
	commit_store(s);
	store_close(s);
}

static const struct {
	const char *name;
	off_t keep; /* truncate to that; 0: no */
	off_t from; /* overwrite so many bytes from there */
	size_t bytes;
} damages[] = {
	{ "garbage from the beginning", 0, 0, 8192 },
	{ "a text", 20, 0, 20 },
	{ "cut in the middle", 40960, 0, 0 },
	{ "cut within a page", 50000, 0, 0 },
	{ "garbage behind the head", 0, 8192, 300000 },
	{ "a byte of a value", 0, 100000, 1 },
};

static void
damage_is_told(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct store *s;
	char path[128], *junk = xcalloc(1, 300000);
	size_t i;
	int fd;

	(void)state;
	path_of("t.mdb", path, sizeof path);
	memset(junk, 0xA5, 300000);
	for (i = 0; i < ARRAY_LEN(damages); i++) {
		(void)unlink(path);
		make_file();
		fd = open(path, O_WRONLY);
		assert_true(fd >= 0);
		if (damages[i].keep > 0)
			assert_int_equal(ftruncate(fd, damages[i].keep), 0);
		assert_int_equal(
		    pwrite(fd, junk, damages[i].bytes, damages[i].from),
		    damages[i].bytes);
		assert_int_equal(close(fd), 0);
		code = PROG_OK;
		s = store_open(dir, "t", STORE_EXCLUSIVE, &code, &why);
		if (s != NULL)
			fail_msg("%s: taken", damages[i].name);
		assert_int_equal(code, PROG_IO);
		if (strstr(buf_str(&why), "remove it") == NULL)
			fail_msg("%s: '%s'", damages[i].name, buf_str(&why));
	}
	buf_release(&why);
	free(junk);
}

#define PAGE 4096

/* Of a small generator, so that each run damages the same. */
static size_t
dice(uint64_t *state, size_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(*state >> 33) % below;
}

static void
spoil(char *file, size_t len, uint64_t *state)
{
	size_t i, n = 1 + dice(state, 4), at;

	for (i = 0; i < n; i++) {
		at = dice(state, len);
		if (i % 2 == 0) /* the head of a page */
			at = at / PAGE * PAGE + dice(state, 64);
		file[at] = (char)dice(state, 256);
	}
}

static off_t
lock_size(void)
{
	struct stat st;
	char path[128];

	path_of("t.mdb-lock", path, sizeof path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Whatever it is: refused, or used for a poll, but the process goes on. */
static void
no_damage_ends_the_process(void **state)
{
	struct buf why = BUF_INIT;
	uint64_t seed = 3;
	char path[128], *good, *bad;
	enum exit_code code;
	struct store *s;
	struct stat st;
	ssize_t len;
	off_t lock;
	int fd, i;

	(void)state;
	make_file();
	lock = lock_size();
	path_of("t.mdb", path, sizeof path);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	good = xmalloc((size_t)st.st_size);
	bad = xmalloc((size_t)st.st_size);
	len = read(fd, good, (size_t)st.st_size);
	assert_int_equal(len, st.st_size);
	assert_int_equal(close(fd), 0);
	for (i = 0; i < 300; i++) {
		memcpy(bad, good, (size_t)len);
		spoil(bad, (size_t)len, &seed);
		fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, bad, (size_t)len), len);
		assert_int_equal(close(fd), 0);
		s = store_open(dir, "t", STORE_EXCLUSIVE, &code, &why);
		/* What LMDB prints as it gives up goes to no file of its. */
		assert_int_equal(lock_size(), lock);
		if (s == NULL)
			continue;
		put(s, "a", "1");
		store_delete(s, STORE_CHATS, "7");
		if (store_commit(s, &why) != PROG_OK)
			assert_int_not_equal(why.len, 0);
		store_close(s);
	}
	buf_release(&why);
	free(good);
	free(bad);
}

/* A file may not become longer than so much: as on a full disk. */
static void
a_full_disk_is_told_and_harms_nothing(void **state)
{
	struct rlimit small = { 200000, RLIM_INFINITY }, old;
	struct store *s = open_store(dir, "t", STORE_EXCLUSIVE);
	struct buf why = BUF_INIT;
	char *big = xcalloc(1, 1 << 20);

	(void)state;
	put(s, "a", "1");
	commit_store(s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	store_put(s, STORE_CHATS, "big", big, 1 << 20);
	assert_int_equal(store_commit(s, &why), PROG_IO);
	assert_non_null(strstr(buf_str(&why), "size of files"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	store_close(s);
	s = open_store(dir, "t", STORE_EXCLUSIVE);
	assert_string_equal(get(s, "a"), "1");
	assert_string_equal(get(s, "big"), "");
	store_close(s);
	buf_release(&why);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    committed_values_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_file_grows_by_need, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    one_poll_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    others_may_count_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    damage_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    no_damage_ends_the_process, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_full_disk_is_told_and_harms_nothing, setup, teardown),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
