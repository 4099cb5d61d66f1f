/*
 * Tests of poller/idempotency: what is remembered, for how long, how much of
 * it, and by a process that was killed.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "poller/idempotency.h"

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

static void
empty_state(void)
{
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

static void
put_mark(const char *text)
{
	tmpdir_file("state/listen.boot", text, strlen(text), 0600);
}

/* What was not synced is not trusted after the machine went down. */
static void
a_crash_of_the_machine_begins_anew(void **state)
{
	struct idempotency *m = open_at("state", 100);

	(void)state;
	assert_int_equal(ask(m, "k", T0, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
	put_mark("closed in order");
	m = open_at("state", 100);
	assert_int_equal(ask(m, "k", T0, 7), IDEMPOTENCY_AGAIN);
	idempotency_close(m);
	put_mark("another-boot\n");
	m = open_at("state", 100);
	assert_int_equal(ask(m, "k", T0, 7), IDEMPOTENCY_NEW);
	idempotency_close(m);
	empty_state();
}

static void
a_damaged_file_begins_anew(void **state)
{
	struct idempotency *m;

	(void)state;
	assert_int_equal(mkdir("state", 0700), 0);
	tmpdir_file(
	    "state/listen.keys", "this is no database at all", 26, 0600);
	put_mark("closed in order");
	m = open_at("state", 100);
	assert_int_equal(ask(m, "k", T0, 7), IDEMPOTENCY_NEW);
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
	assert_non_null(strstr(buf_str(&why), "a/b/c/listen.keys"));
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_remembers),
		cmocka_unit_test(a_folder_remembers),
		cmocka_unit_test(the_longest_key_fits),
		cmocka_unit_test(a_killed_process_forgets_nothing),
		cmocka_unit_test(a_crash_of_the_machine_begins_anew),
		cmocka_unit_test(a_damaged_file_begins_anew),
		cmocka_unit_test(a_folder_that_cannot_be_is_told),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
