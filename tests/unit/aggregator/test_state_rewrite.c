/*
 * A state that is written anew: what the copier passes on is there, what it
 * does not is in no byte of any file; wherever it is interrupted, the next
 * opening finds the old state or the new one.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/tmpdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/state/state.h"

#define DAY INT64_C(86400000)
#define LIMIT ((size_t)64 << 20)
#define SECRET "Quorbella"
enum { ENTRIES = 25000, MANY = 300 };

static const struct state_identity ours = { "ours", DAY, NULL, DAY / 24 };
static struct buf why;

static struct state *
open_ours(void)
{
	enum exit_code code = PROG_OK;
	struct state *s = state_open(".", &ours, LIMIT, &code, &why);

	if (s == NULL)
		fail_msg("%s", buf_str(&why));
	return s;
}

static void
put(struct state_table *t, const char *key, const char *value)
{
	state_put(t, key, strlen(key), value, strlen(value));
}

/* Secrets in values and keys, on pages that are full and on some that are
 * freed again. */
static void
fill(void)
{
	struct state *s = open_ours();
	struct state_table *names = state_table(s, "names", STATE_BYTES),
			   *numbers = state_table(s, "numbers", STATE_NUMBERS);
	uint64_t i, seed[2];
	char key[64];

	for (i = 0; i < ENTRIES; i++) {
		(void)snprintf(key, sizeof key, "%s%06d",
		    i % MANY == 0 ? SECRET : "other", (int)i);
		put(names, key, i % 7 == 0 ? SECRET : "value");
		state_put(numbers, &i, sizeof i, key, strlen(key));
	}
	assert_int_equal(state_commit(s, &why), PROG_OK);
	for (i = 0; i < ENTRIES; i += 3)
		state_delete(numbers, &i, sizeof i);
	state_set_number(s, "mine", 42);
	(void)state_version(s);
	state_seed(s, seed);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	state_close(s);
}

static bool
has_secret(const void *p, size_t len)
{
	return memmem(p, len, SECRET, strlen(SECRET)) != NULL;
}

/* Passes on what has no secret, and other values without it. */
static void
copy_without_secrets(void *ctx, struct state_table *to, const char *name,
    const void *key, size_t key_len, const void *data, size_t len)
{
	size_t *n = ctx;

	++*n;
	if (has_secret(key, key_len))
		return;
	if (has_secret(data, len))
		state_put(to, key, key_len, "blank", 5);
	else
		state_put(to, key, key_len, data, len);
	assert_true(strcmp(name, "names") == 0 || strcmp(name, "numbers") == 0);
}

static bool
is_in_file(const char *path)
{
	struct buf b = BUF_INIT;
	bool found;

	if (file_read_path(path, 0, &b) != 0)
		fail_msg("cannot read %s", path);
	found = has_secret(b.data, b.len);
	buf_release(&b);
	return found;
}

static bool
is_anywhere(void)
{
	DIR *d = opendir(".");
	struct dirent *e;
	bool found = false;

	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "rewritten", 9) == 0)
			fail_msg("%s is left", e->d_name);
		if (strncmp(e->d_name, "stream.", 7) == 0)
			found = found || is_in_file(e->d_name);
	}
	(void)closedir(d);
	return found;
}

static void
remove_all(void)
{
	assert_int_equal(system("rm -rf stream.* rewritten*"), 0);
}

static void
check_new(const uint64_t seed[2], int64_t version)
{
	struct state *s = open_ours();
	struct state_table *names = state_table(s, "names", STATE_BYTES),
			   *numbers = state_table(s, "numbers", STATE_NUMBERS);
	uint64_t got[2], last = 0;
	const void *data;
	size_t len;

	assert_int_equal(state_count(names), ENTRIES - (ENTRIES / MANY + 1));
	assert_int_equal(state_count(numbers), ENTRIES - (ENTRIES / 3 + 1));
	assert_true(state_get(names, "other000007", 11, &data, &len));
	assert_memory_equal(data, "blank", 5);
	assert_true(state_last_number(numbers, &last));
	assert_int_equal(state_number(s, "mine", 0), 42);
	state_seed(s, got);
	assert_memory_equal(got, seed, sizeof got);
	assert_true(state_version(s) > version);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	state_close(s);
}

static void
what_is_not_passed_on_is_nowhere(void **state)
{
	struct state *s;
	uint64_t seed[2];
	int64_t version;
	size_t n = 0;

	(void)state;
	fill();
	s = open_ours();
	state_seed(s, seed);
	version = state_number(s, "version", 0);
	state_close(s);
	assert_true(is_anywhere());
	if (state_rewrite(".", &ours, LIMIT, copy_without_secrets, &n, &why) !=
	    PROG_OK)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(n, ENTRIES + ENTRIES - (ENTRIES / 3 + 1));
	assert_false(is_anywhere());
	check_new(seed, version);
	assert_false(is_anywhere());
	remove_all();
}

/* Moves the first n files back to where they were when it was killed. */
static void
an_interrupted_exchange_is_ended(void **state)
{
	static const char *const names[] = { "stream.mdb", "stream.log",
		"stream.sums", "stream.told" };
	size_t left, i, n = 0;
	char *command;

	(void)state;
	for (left = 0; left <= ARRAY_LEN(names); left++) {
		fill();
		assert_int_equal(system("mkdir old && cp stream.* old"), 0);
		assert_int_equal(state_rewrite(".", &ours, LIMIT,
				     copy_without_secrets, &n, &why),
		    PROG_OK);
		assert_int_equal(
		    system("mkdir rewritten && touch rewritten/stream.lock"),
		    0);
		for (i = left; i < ARRAY_LEN(names); i++) {
			command = xasprintf("mv %s rewritten && mv old/%s .",
			    names[i], names[i]);
			assert_int_equal(system(command), 0);
			free(command);
		}
		state_close(open_ours());
		assert_int_equal(system("rm -r old"), 0);
		assert_false(is_anywhere());
		remove_all();
	}
}

static void
an_unfinished_one_is_made_again(void **state)
{
	size_t n = 0;

	(void)state;
	fill();
	assert_int_equal(
	    system("mkdir rewritten.new && cp stream.* rewritten.new && "
		   "cp stream.mdb rewritten.new/stream.mdb.new"),
	    0);
	state_close(open_ours());
	assert_int_equal(
	    state_rewrite(".", &ours, LIMIT, copy_without_secrets, &n, &why),
	    PROG_OK);
	assert_false(is_anywhere());
	remove_all();
}

static void
without_a_state_there_is_nothing_to_do(void **state)
{
	size_t n = 0;

	(void)state;
	assert_int_equal(
	    state_rewrite(".", &ours, LIMIT, copy_without_secrets, &n, &why),
	    PROG_OK);
	assert_int_equal(access("stream.mdb", F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_state_there_is_nothing_to_do),
		cmocka_unit_test(what_is_not_passed_on_is_nowhere),
		cmocka_unit_test(an_interrupted_exchange_is_ended),
		cmocka_unit_test(an_unfinished_one_is_made_again),
	};
	int failed = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);

	buf_release(&why);
	return failed;
}
