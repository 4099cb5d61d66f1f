/*
 * Tests of poller/idempotency: what is remembered, for how long, how much of
 * it, and by a process that was killed.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "poller/idempotency/idempotency.h"

#define T0 INT64_C(1795168800000)

static struct idempotency *
open_at(const char *dir, size_t max)
{
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct idempotency *m = idempotency_open(dir, max, &code, &why);

	if (m == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return m;
}

static enum idempotency_verdict
ask(struct idempotency *m, const char *key, int64_t at, uint64_t sum)
{
	struct idempotent r = { at, sum, 0 };

	return idempotency_first(m, "acme", "event", key, &r);
}

/* The same of both kinds: dir NULL is memory. */
static void
remembers(const char *dir)
{
	struct idempotency *m = open_at(dir, 1000);
	struct idempotent r = { T0, 7, 1 };

	assert_int_equal(
	    idempotency_first(m, "acme", "event", "k", &r), IDEMPOTENCY_NEW);
	r = (struct idempotent){ T0 + 5000, 7, 0 };
	assert_int_equal(
	    idempotency_first(m, "acme", "event", "k", &r), IDEMPOTENCY_AGAIN);
	assert_int_equal(r.at, T0);
	assert_int_equal(r.note, 1);
	r = (struct idempotent){ T0 + 5000, 8, 0 };
	assert_int_equal(
	    idempotency_first(m, "acme", "event", "k", &r), IDEMPOTENCY_OTHER);
	/* Where one text ends and the other begins makes a difference. */
	assert_int_equal(
	    idempotency_first(m, "acme", "even", "tk", &r), IDEMPOTENCY_NEW);
	assert_int_equal(
	    idempotency_first(m, "other", "event", "k", &r), IDEMPOTENCY_NEW);
	/* After a day it is forgotten, and then known anew. */
	assert_int_equal(
	    ask(m, "k", T0 + IDEMPOTENCY_WINDOW_MS - 1, 7), IDEMPOTENCY_AGAIN);
	assert_int_equal(
	    ask(m, "k", T0 + IDEMPOTENCY_WINDOW_MS, 7), IDEMPOTENCY_NEW);
	r = (struct idempotent){ T0 + IDEMPOTENCY_WINDOW_MS + 9, 7, 0 };
	assert_int_equal(
	    idempotency_first(m, "acme", "event", "k", &r), IDEMPOTENCY_AGAIN);
	assert_int_equal(r.at, T0 + IDEMPOTENCY_WINDOW_MS);
	idempotency_close(m);
}

static void
forgets_the_oldest(const char *dir)
{
	struct idempotency *m = open_at(dir, 100);
	char key[16];
	int i;

	for (i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(ask(m, key, T0 + i, 7), IDEMPOTENCY_NEW);
	}
	for (i = 901; i < 1000; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(ask(m, key, T0 + i, 7), IDEMPOTENCY_AGAIN);
	}
	assert_int_equal(ask(m, "k0", T0, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
}

/* However many there may be with a folder. */
static void
memory_keeps_fewer(void **state)
{
	struct idempotency *m = open_at(NULL, 2 * IDEMPOTENCY_IN_MEMORY);
	char key[16];
	int i;

	(void)state;
	for (i = 0; i <= IDEMPOTENCY_IN_MEMORY; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(ask(m, key, T0, 7), IDEMPOTENCY_NEW);
	}
	assert_int_equal(ask(m, "k1", T0, 7), IDEMPOTENCY_AGAIN);
	assert_int_equal(ask(m, key, T0, 7), IDEMPOTENCY_AGAIN);
	assert_int_equal(ask(m, "k0", T0, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
}

static void
empty_state(void)
{
	tmpdir_empty("state/keys");
	assert_int_equal(rmdir("state/keys"), 0);
	tmpdir_empty("state");
	assert_int_equal(rmdir("state"), 0);
}

static void
memory_remembers(void **state)
{
	(void)state;
	remembers(NULL);
	forgets_the_oldest(NULL);
}

static void
a_folder_remembers(void **state)
{
	(void)state;
	remembers("state");
	empty_state();
	forgets_the_oldest("state");
	empty_state();
}

/* Longest key of the longest tenant. */
static void
the_longest_key_fits(void **state)
{
	struct idempotency *m = open_at("state", 100);
	struct idempotent r = { T0, 7, 0 };
	char tenant[65], key[IDEMPOTENCY_KEY_MAX + 1];

	(void)state;
	memset(tenant, 't', 64);
	tenant[64] = '\0';
	memset(key, 'k', IDEMPOTENCY_KEY_MAX);
	key[IDEMPOTENCY_KEY_MAX] = '\0';
	assert_int_equal(idempotency_first(m, tenant, "analytics", key, &r),
	    IDEMPOTENCY_NEW);
	assert_int_equal(idempotency_first(m, tenant, "analytics", key, &r),
	    IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	empty_state();
}

/* A process that is killed knew the key: so does the one after it. */
static void
a_killed_process_forgets_nothing(void **state)
{
	struct idempotency *m;
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		m = open_at("state", 100);
		if (ask(m, "k", T0, 7) == IDEMPOTENCY_NEW)
			(void)raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	m = open_at("state", 100);
	assert_int_equal(ask(m, "k", T0 + 1, 7), IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	m = open_at("state", 100);
	assert_int_equal(ask(m, "k", T0 + 2, 7), IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	empty_state();
}

/* The same, and what it says. */
static void
open_damaged(struct idempotency **m, char *said, size_t size)
{
	int saved = tmpdir_catch_stderr();

	*m = open_at("state", 100);
	tmpdir_stderr(saved, said, size);
	assert_true(idempotency_is_damaged(*m));
}

static void
copy(const char *from, const char *to)
{
	char data[8192];
	int fd = open(from, O_RDONLY);
	ssize_t n = read(fd, data, sizeof data);

	assert_true(n >= 0);
	(void)close(fd);
	tmpdir_file(to, data, (size_t)n, 0600);
}

#define FILE_NAME "state/keys/0000000001.ndjson"

/* A key that is not known any more is told of: the request may come again. */
static void
damage_is_told(void **state)
{
	struct idempotency *m = open_at("state", 100);
	char said[512];

	(void)state;
	assert_int_equal(ask(m, "one", T0, 7), IDEMPOTENCY_NEW);
	copy(FILE_NAME, "earlier");
	assert_int_equal(ask(m, "two", T0, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
	copy("earlier", FILE_NAME);
	open_damaged(&m, said, sizeof said);
	assert_non_null(strstr(said, "'state/keys' lacks 1 keys of requests"));
	assert_int_equal(ask(m, "one", T0 + 1, 7), IDEMPOTENCY_AGAIN);
	assert_int_equal(ask(m, "two", T0 + 1, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
	assert_int_equal(truncate(FILE_NAME, 5), 0);
	open_damaged(&m, said, sizeof said);
	assert_non_null(strstr(said, " lacks 2 keys "));
	assert_int_equal(ask(m, "one", T0 + 1, 7), IDEMPOTENCY_NEW);
	assert_int_equal(ask(m, "two", T0 + 2, 7), IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	empty_state();
}

/* They do not pile up: files go when their keys are a day old. */
static void
files_go_with_their_keys(void **state)
{
	struct idempotency *m = open_at("state", 1000000);
	char key[160];
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		(void)snprintf(key, sizeof key, "%0150d", i);
		assert_int_equal(ask(m, key, T0 + i, 7), IDEMPOTENCY_NEW);
	}
	assert_int_equal(access(FILE_NAME, F_OK), 0);
	assert_int_equal(ask(m, "next", T0 + 20000 + IDEMPOTENCY_WINDOW_MS, 7),
	    IDEMPOTENCY_NEW);
	assert_int_not_equal(access(FILE_NAME, F_OK), 0);
	idempotency_close(m);
	m = open_at("state", 1000000);
	assert_false(idempotency_is_damaged(m));
	assert_int_equal(ask(m, "next", T0 + 20001 + IDEMPOTENCY_WINDOW_MS, 7),
	    IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	empty_state();
}

/* Nor do they stay for want of others. */
static void
keys_go_when_none_comes(void **state)
{
	struct idempotency *m = open_at("state", 100);

	(void)state;
	idempotency_expire(m, T0);
	assert_int_equal(ask(m, "k", T0, 7), IDEMPOTENCY_NEW);
	idempotency_expire(m, T0 + IDEMPOTENCY_WINDOW_MS - 1);
	assert_int_equal(access(FILE_NAME, F_OK), 0);
	assert_int_equal(ask(m, "other", T0 + IDEMPOTENCY_WINDOW_MS - 1, 7),
	    IDEMPOTENCY_NEW);
	assert_int_equal(
	    ask(m, "k", T0 + IDEMPOTENCY_WINDOW_MS - 1, 7), IDEMPOTENCY_AGAIN);
	/* The other one is in a file of its own, as it is of another day. */
	idempotency_expire(m, T0 + IDEMPOTENCY_WINDOW_MS);
	assert_int_not_equal(access(FILE_NAME, F_OK), 0);
	assert_int_equal(
	    ask(m, "other", T0 + IDEMPOTENCY_WINDOW_MS, 7), IDEMPOTENCY_AGAIN);
	assert_int_equal(access("state/keys/0000000002.ndjson", F_OK), 0);
	idempotency_expire(m, T0 + 3 * IDEMPOTENCY_WINDOW_MS);
	assert_int_not_equal(access("state/keys/0000000002.ndjson", F_OK), 0);
	idempotency_close(m);
	m = open_at("state", 100);
	assert_false(idempotency_is_damaged(m));
	assert_int_equal(
	    ask(m, "k", T0 + 3 * IDEMPOTENCY_WINDOW_MS, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
	empty_state();
}

static void
an_earlier_version_is_told(void **state)
{
	struct idempotency *m;
	char said[512];
	int saved;

	(void)state;
	assert_int_equal(mkdir("state", 0700), 0);
	tmpdir_file("state/listen.keys", "LMDB", 4, 0600);
	saved = tmpdir_catch_stderr();
	m = open_at("state", 100);
	tmpdir_stderr(saved, said, sizeof said);
	assert_non_null(strstr(said, "'state/listen.keys' was of an earlier"));
	assert_int_not_equal(access("state/listen.keys", F_OK), 0);
	idempotency_close(m);
	empty_state();
}

static void
a_folder_that_cannot_be_is_told(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	(void)state;
	assert_null(idempotency_open("a/b/c", 100, &code, &why));
	assert_int_equal(code, PROG_CANTCREATE);
	assert_non_null(strstr(buf_str(&why), "a/b/c/keys"));
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_remembers),
		cmocka_unit_test(memory_keeps_fewer),
		cmocka_unit_test(a_folder_remembers),
		cmocka_unit_test(the_longest_key_fits),
		cmocka_unit_test(a_killed_process_forgets_nothing),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(files_go_with_their_keys),
		cmocka_unit_test(keys_go_when_none_comes),
		cmocka_unit_test(an_earlier_version_is_told),
		cmocka_unit_test(a_folder_that_cannot_be_is_told),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
