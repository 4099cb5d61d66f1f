/*
 * Tests of a poller's state that several processes have open.
 */
#define _GNU_SOURCE /* memmem */

#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/lmdb/lmdb_lock.h"
#include "common/os/file.h"

/* Has a transaction of the file that writes, like a poll that is stopped while
 * it commits, until it is killed. */
static void
write_for_ever(int ready)
{
	MDB_env *env;
	MDB_txn *txn;

	if (mdb_env_create(&env) == 0 &&
	    mdb_env_open(env, "./polled.mdb", MDB_NOSUBDIR, 0600) == 0 &&
	    mdb_txn_begin(env, NULL, 0, &txn) == 0 && write(ready, "", 1) == 1)
		(void)pause();
	_exit(1);
}

static pid_t
start_writer(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		write_for_ever(ready[1]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void
readers_do_not_wait_for_a_writer(void **state)
{
	struct store *s = open_store(".", "polled", STORE_EXCLUSIVE);
	pid_t writer;

	(void)state;
	store_set_number(s, "key", 7);
	commit_store(s);
	store_close(s);
	writer = start_writer();
	(void)alarm(60); /* otherwise it would wait for ever */
	s = open_store(".", "polled", STORE_SHARED);
	assert_int_equal(store_number(s, "key", 0), 7);
	store_close(s);
	(void)alarm(0);
	(void)kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	/* The lock of the killed writer is free again. */
	s = open_store(".", "polled", STORE_EXCLUSIVE);
	store_set_number(s, "key", 8);
	commit_store(s);
	assert_int_equal(store_number(s, "key", 0), 8);
	store_close(s);
}

static bool
count_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	(void)key;
	(void)key_len;
	(void)data;
	(void)len;
	++*(int *)ctx;
	return true;
}

static int
count_chats(struct store *s)
{
	struct buf why = BUF_INIT;
	int n = 0;

	assert_int_equal(
	    store_each(s, STORE_CHATS, count_entry, &n, &why), PROG_OK);
	buf_release(&why);
	return n;
}

static void
an_emptied_store_keeps_only_its_numbers(void **state)
{
	struct store *s = open_store(".", "emptied", STORE_EXCLUSIVE);

	(void)state;
	store_set_number(s, "calls", 7);
	store_put(s, STORE_CHATS, "a", "1", 1);
	store_put(s, STORE_CHATS, "b", "2", 1);
	commit_store(s);
	assert_int_equal(count_chats(s), 2);
	store_empty(s);
	store_put(s, STORE_CHATS, "c", "3", 1);
	commit_store(s);
	store_close(s);
	/* All of the file is verified. */
	s = open_store(".", "emptied", STORE_EXCLUSIVE);
	assert_int_equal(count_chats(s), 1);
	assert_int_equal(store_number(s, "calls", 0), 7);
	store_close(s);
}

/* Changes the value of the chat "b" while no process has the file open. */
static void
damage_chat(const char *path)
{
	MDB_val key = { 2, (char[]){ "b" } }, value = { 20, (char[20]){ "" } };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi chats;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, STORE_TABLES), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "chats", 0, &chats), 0);
	assert_int_equal(mdb_put(txn, chats, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/* If the file is not verified when it is opened, the damage is found when the
 * value is read. Nothing is committed after that. */
static void
a_damaged_value_is_refused(void **state)
{
	struct store *s = open_store(".", "damaged", STORE_EXCLUSIVE);
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	int n = 0;

	(void)state;
	store_put(s, STORE_CHATS, "a", "1", 1);
	store_put(s, STORE_CHATS, "b", "2", 1);
	commit_store(s);
	store_close(s);
	damage_chat("./damaged.mdb");
	s = open_store(".", "damaged", STORE_SHARED);
	assert_int_equal(
	    store_each(s, STORE_CHATS, count_entry, &n, &why), PROG_IO);
	assert_non_null(strstr(buf_str(&why), "'./damaged.mdb' is damaged: "));
	assert_non_null(strstr(buf_str(&why), "; remove it"));
	assert_int_equal(n, 1);
	store_set_number(s, "calls", 8);
	assert_int_equal(store_commit(s, &why), PROG_IO);
	store_close(s);
	assert_null(store_open(".", "damaged", STORE_EXCLUSIVE, &code, &why));
	assert_int_equal(code, PROG_IO);
	assert_non_null(strstr(buf_str(&why), "does not match its checksum"));
	buf_release(&why);
}

/* Changes a value as a failing disk would: no write is seen. */
static void
rot(const char *path, const char *value)
{
	struct buf file = BUF_INIT;
	struct stat st;
	int fd = open(path, O_RDWR);
	char *at;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(file_read_path(path, &file), 0);
	at = memmem(file.data, file.len, value, strlen(value));
	assert_non_null(at);
	assert_int_equal(pwrite(fd, "?", 1, at - file.data), 1);
	assert_int_equal(
	    futimens(fd, (struct timespec[2]){ st.st_atim, st.st_mtim }), 0);
	assert_int_equal(close(fd), 0);
	buf_release(&file);
}

static bool
has_attributes(const char *path)
{
	return setxattr(path, "user.test", "1", 1, 0) == 0;
}

/* A file that was verified and closed is not verified again, so damage is found
 * when the value is read. The next start verifies the file. */
static void
damage_breaks_the_seal(void **state)
{
	struct store *s = open_store(".", "sealed", STORE_EXCLUSIVE);
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	int i, n = 0;

	(void)state;
	store_put(s, STORE_CHATS, "a", "value", 5);
	commit_store(s);
	store_close(s);
	if (!has_attributes("./sealed.mdb"))
		skip();
	store_close(open_store(".", "sealed", STORE_EXCLUSIVE));
	rot("./sealed.mdb", "value");
	for (i = 0; i < 2; i++) /* a program that does not read it */
		store_close(open_store(".", "sealed", STORE_EXCLUSIVE));
	s = open_store(".", "sealed", STORE_EXCLUSIVE);
	assert_int_equal(
	    store_each(s, STORE_CHATS, count_entry, &n, &why), PROG_IO);
	store_close(s);
	assert_null(store_open(".", "sealed", STORE_EXCLUSIVE, &code, &why));
	assert_non_null(strstr(buf_str(&why), "does not match its checksum"));
	buf_release(&why);
}

#define FAR_PAGE (UINT64_C(1) << 50)

/* False in a file system such as tmpfs. */
static bool
is_far_page_refused(void)
{
	int fd = open("far", O_WRONLY | O_CREAT, 0600);
	ssize_t n = pwrite(fd, "", 1, (off_t)FAR_PAGE * sysconf(_SC_PAGESIZE));

	(void)close(fd);
	return n < 0 && errno == EFBIG;
}

/* Reads the numbers of the pages that a commit made free, after their count.
 * Returns the length in bytes. */
static size_t
read_free_pages(const char *path, uint64_t *pages, size_t most)
{
	MDB_val key, value;
	MDB_cursor *c;
	MDB_env *env;
	MDB_txn *txn;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(
	    mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_cursor_open(txn, 0, &c), 0);
	assert_int_equal(mdb_cursor_get(c, &key, &value, MDB_FIRST), 0);
	assert_in_range(value.mv_size, 2 * sizeof *pages, most);
	memcpy(pages, value.mv_data, value.mv_size);
	mdb_cursor_close(c);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return value.mv_size;
}

/* Changes them into pages that are too far away for the file system. */
static void
damage_free_pages(const char *path)
{
	uint64_t pages[512], wrong[512], n;
	size_t len = read_free_pages(path, pages, sizeof pages);
	struct buf file = BUF_INIT;
	char *at;

	memcpy(wrong, pages, len);
	for (n = 1; n <= pages[0]; n++)
		wrong[n] = 2 * pages[n] + FAR_PAGE; /* each alone */
	assert_int_equal(file_read_path(path, &file), 0);
	/* Pages that are no longer used may have the same list. */
	while ((at = memmem(file.data, file.len, pages, len)) != NULL)
		memcpy(at, wrong, len);
	tmpdir_file(path, file.data, file.len, 0600);
	buf_release(&file);
}

/* The error is EFBIG, although nothing limits the size of files. */
static void
a_wrong_free_page_is_damage(void **state)
{
	struct store *s = open_store(".", "freed", STORE_EXCLUSIVE);
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		store_set_number(s, "calls", i);
		commit_store(s);
	}
	store_close(s);
	if (!is_far_page_refused())
		skip();
	damage_free_pages("./freed.mdb");
	s = open_store(".", "freed", STORE_EXCLUSIVE);
	for (i = 0; i < 4 && code == PROG_OK; i++) { /* not all need them */
		store_set_number(s, "calls", -i);
		code = store_commit(s, &why);
	}
	assert_int_equal(code, PROG_IO);
	assert_non_null(strstr(buf_str(&why), "'./freed.mdb' is damaged: "));
	assert_non_null(strstr(buf_str(&why), "; remove it"));
	store_close(s);
	buf_release(&why);
}

/* Without a free descriptor, the file can neither be copied nor opened again.
 * A listener goes on to use the store until it looks. */
static void
a_store_that_cannot_be_opened_again_is_lost(void **state)
{
	struct store *s = open_store(".", "lost", STORE_EXCLUSIVE);
	struct buf why = BUF_INIT;
	struct rlimit old, few;
	int n = 0;

	(void)state;
	store_set_number(s, "key", 7);
	commit_store(s);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_not_equal(store_compact(s, &why), PROG_OK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(store_number(s, "key", 0), 0);
	assert_int_not_equal(
	    store_each(s, STORE_CHATS, count_entry, &n, &why), PROG_OK);
	store_set_number(s, "key", 8);
	assert_int_not_equal(store_commit(s, &why), PROG_OK);
	assert_int_not_equal(store_commit(s, &why), PROG_OK);
	assert_true(store_is_lost(s));
	store_close(s);
	s = open_store(".", "lost", STORE_EXCLUSIVE);
	assert_int_equal(store_number(s, "key", 0), 7);
	store_close(s);
	buf_release(&why);
}

/* Has the state open, like poller --status while the CRM does not answer, until
 * the pipe is closed. */
static pid_t
start_reader(int *end)
{
	int ready[2], done[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(done[1]);
		(void)open_store(".", "held", STORE_SHARED);
		_exit(
		    write(ready[1], "", 1) == 1 && read(done[0], &byte, 1) == 0
			? 0
			: 1);
	}
	(void)close(done[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	*end = done[1];
	return pid;
}

static void
an_open_file_is_not_removed(void **state)
{
	struct buf why = BUF_INIT;
	struct store *s;
	int end;
	pid_t reader = start_reader(&end);

	(void)state;
	s = open_store(".", "held", STORE_EXCLUSIVE);
	store_set_number(s, "key", 7);
	commit_store(s);
	assert_int_equal(store_compact(s, &why), PROG_TEMPFAIL);
	assert_int_equal(store_number(s, "key", 0), 7);
	store_set_number(s, "key", 8);
	commit_store(s);
	store_close(s);
	assert_int_equal(lmdb_remove("./held.mdb", 100), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	s = open_store(".", "held", STORE_EXCLUSIVE);
	assert_int_equal(store_number(s, "key", 0), 8);
	store_close(s);
	(void)close(end);
	assert_int_equal(lmdb_remove("./held.mdb", 60000), 0);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	assert_int_equal(access("./held.mdb-lock", F_OK), -1);
	s = open_store(".", "held", STORE_EXCLUSIVE);
	assert_int_equal(store_number(s, "key", 0), 0);
	store_close(s);
	buf_release(&why);
}

int
test_store(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_value_is_refused),
		cmocka_unit_test(a_wrong_free_page_is_damage),
		cmocka_unit_test(a_store_that_cannot_be_opened_again_is_lost),
		cmocka_unit_test(an_emptied_store_keeps_only_its_numbers),
		cmocka_unit_test(an_open_file_is_not_removed),
		cmocka_unit_test(damage_breaks_the_seal),
		cmocka_unit_test(readers_do_not_wait_for_a_writer),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
