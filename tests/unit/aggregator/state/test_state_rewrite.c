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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/notify.h"

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

static const char *const files[] = { "stream.mdb", "stream.log", "stream.sums",
	"stream.acknowledged" };

static void
remove_all(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(unlink(files[i]), 0);
}

/* The copy of a file in a folder. */
static void
copy_file(const char *from, const char *dir, const char *name)
{
	char *to = xasprintf("%s/%s", dir, name);
	struct buf b = BUF_INIT;

	if (file_read_path(from, 0, &b) != 0)
		fail_msg("cannot read %s", from);
	tmpdir_file(to, b.data, b.len, 0600);
	buf_release(&b);
	free(to);
}

static void
move_file(const char *from_dir, const char *to_dir, const char *name)
{
	char *from = xasprintf("%s/%s", from_dir, name);
	char *to = xasprintf("%s/%s", to_dir, name);

	assert_int_equal(rename(from, to), 0);
	free(from);
	free(to);
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

/* The manager of a service, and what it heard while one of its was copied. */
struct manager {
	int fd;
	size_t copied;
	bool heard;
};

static bool
has_heard(const struct manager *m)
{
	char word[64];

	return recv(m->fd, word, sizeof word, MSG_DONTWAIT) > 0;
}

/* After the first entry it is due to hear more; when the second one comes, it
 * has. */
static void
copy_before_a_manager(void *ctx, struct state_table *to, const char *name,
    const void *key, size_t key_len, const void *data, size_t len)
{
	struct manager *m = ctx;
	int64_t now = clock_mono_ms();

	(void)name;
	m->copied++;
	if (m->copied == 1)
		while (has_heard(m) || clock_mono_ms() < now + 2)
			continue;
	if (m->copied == 2)
		m->heard = has_heard(m);
	state_put(to, key, key_len, data, len);
}

static void
it_says_that_it_goes_on(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct manager m = { .fd = socket(AF_UNIX, SOCK_DGRAM, 0) };
	char us[] = "4000", *name = xasprintf("@rewrite.%d", (int)getpid());

	(void)state;
	memcpy(a.sun_path + 1, name + 1, strlen(name + 1));
	assert_int_equal(bind(m.fd, (const struct sockaddr *)&a,
			     (socklen_t)(sizeof a.sun_family + strlen(name))),
	    0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", us, 1), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	notify_open();
	fill();
	assert_int_equal(
	    state_rewrite(".", &ours, LIMIT, copy_before_a_manager, &m, &why),
	    PROG_OK);
	assert_true(m.heard);
	remove_all();
	(void)close(m.fd);
	free(name);
}

/* Killed when the first files had been moved: the others are where they were
 * before. */
static void
an_interrupted_exchange_is_ended(void **state)
{
	size_t moved, i, n = 0;

	(void)state;
	for (moved = 0; moved <= ARRAY_LEN(files); moved++) {
		fill();
		assert_int_equal(mkdir("old", 0700), 0);
		for (i = 0; i < ARRAY_LEN(files); i++)
			copy_file(files[i], "old", files[i]);
		assert_int_equal(state_rewrite(".", &ours, LIMIT,
				     copy_without_secrets, &n, &why),
		    PROG_OK);
		assert_int_equal(mkdir("rewritten", 0700), 0);
		tmpdir_file("rewritten/stream.lock", "", 0, 0600);
		for (i = moved; i < ARRAY_LEN(files); i++) {
			move_file(".", "rewritten", files[i]);
			move_file("old", ".", files[i]);
		}
		state_close(open_ours());
		tmpdir_empty("old");
		assert_int_equal(rmdir("old"), 0);
		assert_false(is_anywhere());
		remove_all();
	}
}

static void
an_unfinished_one_is_made_again(void **state)
{
	size_t i, n = 0;

	(void)state;
	fill();
	assert_int_equal(mkdir("rewritten.new", 0700), 0);
	for (i = 0; i < ARRAY_LEN(files); i++)
		copy_file(files[i], "rewritten.new", files[i]);
	copy_file("stream.mdb", "rewritten.new", "stream.mdb.new");
	/* Of an earlier version. */
	copy_file("stream.acknowledged", "rewritten.new", "stream.told");
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
		cmocka_unit_test(it_says_that_it_goes_on),
	};
	int failed = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);

	buf_release(&why);
	return failed;
}
