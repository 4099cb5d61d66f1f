/*
 * The state of a stream: what is committed stays, what is not goes; tables,
 * ranges and versions; and what is refused: a second opener, another version,
 * other settings, a limit reached.
 */
#include "tests/unit/tmpdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aggregator/state/state.h"

#define DAY INT64_C(86400000)
#define HOUR (DAY / 24)
#define LIMIT ((size_t)64 << 20)

static const struct state_identity ours = { "ours", DAY, NULL, HOUR };
static struct buf why;

static struct state *
open_as(const struct state_identity *id, size_t limit, enum exit_code want)
{
	enum exit_code code = PROG_OK;
	struct state *s;

	buf_clear(&why);
	s = state_open(".", id, limit, &code, &why);
	assert_int_equal(code, want);
	assert_true((s != NULL) == (want == PROG_OK));
	return s;
}

static struct state *
open_ours(void)
{
	return open_as(&ours, LIMIT, PROG_OK);
}

static void
commit(struct state *s)
{
	assert_int_equal(state_commit(s, &why), PROG_OK);
}

static void
put(struct state_table *t, const char *key, const char *value)
{
	state_put(t, key, strlen(key), value, strlen(value));
}

static void
assert_value(struct state_table *t, const char *key, const char *want)
{
	const void *data = NULL;
	size_t len = 0;
	bool there = state_get(t, key, strlen(key), &data, &len);

	assert_int_equal(there, want != NULL);
	if (want == NULL)
		return;
	assert_int_equal(len, strlen(want));
	assert_memory_equal(data, want, len);
}

static void
test_commit(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "a", STATE_BYTES);
	uint64_t seed[2], again[2];

	(void)unused;
	state_seed(s, seed);
	put(t, "one", "1");
	assert_value(t, "one", "1"); /* before it is committed */
	commit(s);
	put(t, "one", "2");
	put(t, "two", "");
	state_close(s);
	s = open_ours();
	state_seed(s, again);
	assert_memory_equal(seed, again, sizeof seed);
	assert_true((seed[0] | seed[1]) != 0);
	t = state_table(s, "a", STATE_BYTES);
	assert_ptr_equal(t, state_table(s, "a", STATE_BYTES));
	assert_value(t, "one", "1");
	assert_value(t, "two", NULL);
	put(t, "two", "");
	state_delete(t, "one", 3);
	state_delete(t, "none", 4);
	commit(s);
	commit(s); /* nothing */
	assert_value(t, "one", NULL);
	assert_value(t, "two", "");
	assert_int_equal(state_count(t), 1);
	state_empty(t);
	assert_int_equal(state_count(t), 0);
	commit(s);
	state_close(s);
}

/* What changes behind state_commit_begin() is seen at once, and part of the
 * next commit. */
static void
test_commit_in_steps(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "a", STATE_BYTES);
	int64_t first;

	(void)unused;
	commit(s); /* the file is new: a checkpoint */
	first = state_version(s);
	put(t, "one", "1");
	state_commit_begin(s);
	assert_true(state_version(s) > first);
	put(t, "one", "2");
	put(t, "two", "2");
	assert_value(t, "one", "2");
	state_idle(s);
	while (!state_is_committed(s, false))
		;
	assert_true(state_is_committed(s, true));
	assert_int_equal(state_commit_end(s, &why), PROG_OK);
	state_close(s);
	s = open_ours();
	t = state_table(s, "a", STATE_BYTES);
	assert_value(t, "one", "1");
	assert_value(t, "two", NULL);
	put(t, "two", "2");
	state_commit_begin(s);
	put(t, "three", "3");
	state_commit_begin(s); /* waits for the first */
	state_close(s);        /* and for the second */
	s = open_ours();
	t = state_table(s, "a", STATE_BYTES);
	assert_value(t, "two", "2");
	assert_value(t, "three", "3");
	state_close(s);
}

static void
test_versions(void **unused)
{
	struct state *s = open_ours();
	int64_t first, later;

	(void)unused;
	assert_int_equal(state_number(s, "n", -7), -7);
	first = state_version(s);
	assert_int_equal(state_version(s), first);
	/* A clock that goes back. */
	state_set_number(s, "version", first + DAY);
	state_set_number(s, "n", 12);
	commit(s);
	later = state_version(s);
	assert_int_equal(later, first + DAY + 1);
	commit(s);
	state_close(s);
	s = open_ours();
	assert_int_equal(state_version(s), later + 1);
	assert_int_equal(state_number(s, "n", -7), 12);
	state_close(s);
}

struct walk {
	struct buf keys;
	size_t stop;
};

static bool
note_key(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct walk *w = ctx;

	buf_add(&w->keys, key, key_len);
	buf_addc(&w->keys, '=');
	buf_add(&w->keys, data, len);
	buf_addc(&w->keys, ' ');
	return w->stop == 0 || --w->stop > 0;
}

static void
assert_keys(
    struct state_table *t, const char *prefix, size_t stop, const char *want)
{
	struct walk w = { .stop = stop };

	state_each(t, prefix, strlen(prefix), note_key, &w);
	assert_string_equal(buf_str(&w.keys), want);
	buf_release(&w.keys);
}

static void
test_prefixes(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "a", STATE_BYTES);

	(void)unused;
	put(t, "b2", "y");
	put(t, "a", "0");
	put(t, "b1", "x");
	put(t, "b", "w");
	put(t, "c", "9");
	assert_keys(t, "b", 0, "b=w b1=x b2=y ");
	assert_keys(t, "", 0, "a=0 b=w b1=x b2=y c=9 ");
	assert_keys(t, "", 2, "a=0 b=w ");
	assert_keys(t, "d", 0, "");
	commit(s);
	assert_keys(t, "b", 0, "b=w b1=x b2=y ");
	assert_int_equal(state_delete_prefix(t, "b", 1, 2), 2);
	assert_keys(t, "", 0, "a=0 b2=y c=9 ");
	assert_int_equal(state_delete_prefix(t, "b", 1, 0), 0);
	assert_int_equal(state_delete_prefix(t, "b", 1, 99), 1);
	assert_int_equal(state_delete_prefix(t, "b", 1, 99), 0);
	assert_int_equal(state_delete_prefix(t, "", 0, 99), 2);
	assert_int_equal(state_count(t), 0);
	commit(s);
	state_close(s);
}

/* Over many pages, while others stay. */
static void
test_delete_many(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "a", STATE_BYTES);
	char key[16], value[300] = { 'v' };
	size_t i, n = 0, got;

	(void)unused;
	for (i = 0; i < 5000; i++) {
		(void)snprintf(key, sizeof key, "%zu.%06zu", i % 3, i);
		state_put(t, key, strlen(key), value, 1 + i % sizeof value);
	}
	commit(s);
	while ((got = state_delete_prefix(t, "1", 1, 64)) > 0)
		n += got;
	assert_int_equal(n, 1667);
	assert_int_equal(state_count(t), 5000 - 1667);
	commit(s);
	state_close(s);
}

/* Pages that were taken and given back before a commit are never written: the
 * file ends before them. */
static void
test_given_back(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "a", STATE_NUMBERS);
	static char value[3000];
	uint64_t n;

	(void)unused;
	for (n = 0; n < 3000; n++)
		state_append(t, &n, sizeof n, value, sizeof value);
	state_empty(t);
	put(state_table(s, "b", STATE_BYTES), "kept", "1");
	commit(s);
	state_close(s);
	s = open_ours();
	assert_value(state_table(s, "b", STATE_BYTES), "kept", "1");
	assert_int_equal(state_count(state_table(s, "a", STATE_NUMBERS)), 0);
	state_close(s);
}

static void
test_numbers(void **unused)
{
	struct state *s = open_ours();
	struct state_table *t = state_table(s, "n", STATE_NUMBERS);
	uint64_t n, last = 0;
	const void *data;
	size_t len;
	char value[8] = "1234567";

	(void)unused;
	assert_false(state_last_number(t, &last));
	for (n = 250; n < 2000; n += 250)
		state_append(t, &n, sizeof n, value, n % 8);
	n = 256; /* below 500 as a number, above it as bytes */
	state_put(t, &n, sizeof n, value, 8);
	assert_true(state_get(t, &n, sizeof n, &data, &len));
	assert_int_equal(len, 8);
	n = 100000;
	assert_false(state_get(t, &n, sizeof n, &data, &len));
	assert_true(state_last_number(t, &last));
	assert_int_equal(last, 1750);
	commit(s);
	state_close(s);
}

static void
test_refused(void **unused)
{
	static const struct state_identity
	    rules = { "chatwoot", DAY, NULL, HOUR },
	    window = { "ours", DAY / 2, NULL, HOUR },
	    part = { "ours", DAY, "0/2 of generation 1", HOUR },
	    spans = { "ours", DAY, NULL, HOUR / 2 };
	struct state *s = open_ours();
	pid_t pid;
	int status, told;

	(void)unused;
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		enum exit_code code = PROG_OK;
		struct state *other =
		    state_open(".", &ours, LIMIT, &code, &why);

		_exit(other == NULL && code == PROG_TEMPFAIL &&
			      strstr(buf_str(&why), "another run")
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	state_close(s);
	assert_null(open_as(&rules, LIMIT, PROG_CONFIG));
	assert_non_null(strstr(buf_str(&why), "--definition ours"));
	assert_null(open_as(&window, LIMIT, PROG_CONFIG));
	assert_non_null(strstr(buf_str(&why), "--window 86400s"));
	assert_null(open_as(&part, LIMIT, PROG_CONFIG));
	assert_non_null(strstr(buf_str(&why), "one aggregator alone"));
	assert_null(open_as(&spans, LIMIT, PROG_DATA));
	assert_non_null(strstr(buf_str(&why), "version"));
	s = open_ours();
	state_put(state_table(s, "meta", STATE_BYTES), "format", 6, "x 2", 3);
	commit(s);
	state_close(s);
	assert_null(open_as(&ours, LIMIT, PROG_DATA));
	assert_non_null(strstr(buf_str(&why), "version"));
	/* With other checksums, which would make it look damaged. */
	told = open("stream.acknowledged", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(told, "1", 1, sizeof "told " - 1), 1);
	assert_int_equal(pwrite(told, "1", 1, 512 + sizeof "told " - 1), 1);
	(void)close(told);
	assert_null(open_as(&ours, LIMIT, PROG_DATA));
	assert_non_null(strstr(buf_str(&why), "version"));
	assert_null(strstr(buf_str(&why), "damaged"));
}

static void
put_format(struct state *s, const char *name)
{
	put(state_table(s, "meta", STATE_BYTES), "format", name);
}

/* A state of the version before, which has another name for a file, is one of
 * ours once something is committed. */
static void
test_version_before(void **unused)
{
	static const char before[] = "messaging-analytics stream 10";
	struct state *s = open_ours();
	int i;

	(void)unused;
	put_format(s, before);
	commit(s);
	state_close(s);
	assert_int_equal(rename("stream.acknowledged", "stream.told"), 0);
	for (i = 0; i < 2; i++) {
		s = open_ours();
		assert_value(state_table(s, "meta", STATE_BYTES), "format",
		    "messaging-analytics stream 11");
		state_close(s); /* nothing is committed */
	}
	s = open_ours();
	put(state_table(s, "a", STATE_BYTES), "one", "1");
	commit(s);
	state_close(s);
	s = open_ours();
	assert_value(state_table(s, "a", STATE_BYTES), "one", "1");
	put_format(s, "messaging-analytics stream 7");
	commit(s);
	state_close(s);
	assert_null(open_as(&ours, LIMIT, PROG_DATA));
	assert_non_null(strstr(buf_str(&why), "version"));
}

static void
test_full(void **unused)
{
	struct state *s = open_as(&ours, (size_t)1 << 20, PROG_OK);
	struct state_table *t = state_table(s, "a", STATE_BYTES);
	static char value[100000];
	char key[16];
	int i;

	(void)unused;
	put(t, "kept", "1");
	commit(s);
	for (i = 0; i < 8; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		state_put(t, key, strlen(key), value, sizeof value);
	}
	commit(s);
	for (; i < 20; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		state_put(t, key, strlen(key), value, sizeof value);
	}
	assert_true(state_failed(s));
	assert_int_equal(state_commit(s, &why), PROG_IO);
	assert_non_null(strstr(buf_str(&why), "state_limit"));
	state_close(s);
	s = open_ours();
	t = state_table(s, "a", STATE_BYTES);
	assert_value(t, "kept", "1");
	assert_int_equal(state_count(t), 9);
	state_close(s);
}

static int
leave(void **state)
{
	buf_release(&why);
	return tmpdir_leave(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tmpdir_enter, leave)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_commit),
		TEST(test_commit_in_steps),
		TEST(test_versions),
		TEST(test_version_before),
		TEST(test_prefixes),
		TEST(test_delete_many),
		TEST(test_given_back),
		TEST(test_numbers),
		TEST(test_refused),
		TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
