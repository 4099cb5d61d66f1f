/*
 * Tests of a poller's state that several processes have open.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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
	static const enum store_access access[] = { STORE_COUNTING,
		STORE_SHARED };
	struct store *s = open_store(".", "polled", STORE_EXCLUSIVE);
	pid_t writer;
	size_t i;

	(void)state;
	store_set_number(s, "key", 7);
	commit_store(s);
	store_close(s);
	writer = start_writer();
	(void)alarm(60); /* otherwise it would wait for ever */
	for (i = 0; i < ARRAY_LEN(access); i++) {
		s = open_store(".", "polled", access[i]);
		assert_int_equal(store_number(s, "key", 0), 7);
		store_close(s);
	}
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

int
test_store(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_do_not_wait_for_a_writer),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
