/*
 * The log of a state: what is torn at its end is dropped, what is cut off or
 * damaged before it is refused, and so is a log without its file, a file
 * without its log, and the log of another; what is larger than a log; a full
 * disk, and a new state that finds no room or no descriptor.
 */
#define _GNU_SOURCE

#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "aggregator/state/state.h"
#include "aggregator/state/state_log.h"

#define DAY INT64_C(86400000)
#define LIMIT ((size_t)256 << 20)
#define LOG "stream.log"
#define FILE_ "stream.mdb"
#define SUMS "stream.sums"
#define ACKNOWLEDGED "stream.acknowledged"
#define ACKNOWLEDGED_BEFORE "before"

enum { COMMITS = 3, STEP = 7 };

static const struct state_identity ours = { "ours", DAY, NULL, 0 };
static struct buf why;

struct image {
	char *data;
	size_t len;
};

static struct state *
open_as(enum exit_code want)
{
	enum exit_code code = PROG_OK;
	struct state *s;

	buf_clear(&why);
	s = state_open(".", &ours, LIMIT, &code, &why);
	if (code != want)
		print_error("%s\n", buf_str(&why));
	assert_int_equal(code, want);
	assert_true((s != NULL) == (want == PROG_OK));
	return s;
}

static void
refused(const char *what)
{
	assert_null(open_as(PROG_DATA));
	if (strstr(buf_str(&why), what) == NULL)
		fail_msg("%s", buf_str(&why));
}

static struct image take(const char *name);
static void put_back(const char *name, struct image im, size_t len);

/* Commits, and is killed: the file has the first ones only. What was
 * acknowledged before them is kept beside it. */
static void
leave_log(int64_t commits)
{
	struct image told;
	struct state *s;
	int64_t i;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		s = open_as(PROG_OK);
		told = take(ACKNOWLEDGED);
		put_back(ACKNOWLEDGED_BEFORE, told, told.len);
		for (i = 1; i <= commits; i++) {
			state_set_number(s, "n", i);
			if (state_commit(s, &why) != PROG_OK)
				_exit(1);
		}
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static struct image
take(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct image im;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	im.len = (size_t)st.st_size;
	im.data = xmalloc(im.len);
	assert_int_equal(read(fd, im.data, im.len), st.st_size);
	(void)close(fd);
	return im;
}

static void
put_back(const char *name, struct image im, size_t len)
{
	tmpdir_file(name, im.data, len, 0600);
}

/* Of all that was written into it only the beginning; what was there before
 * is another in each byte. */
static void
put_torn(const char *name, struct image im, size_t len)
{
	char *torn = xmalloc(im.len);
	size_t i;

	memcpy(torn, im.data, len);
	for (i = len; i < im.len; i++)
		torn[i] = (char)~im.data[i];
	tmpdir_file(name, torn, im.len, 0600);
	free(torn);
}

/* Opens it and looks which commit is the last. */
static void
assert_commit(int64_t want)
{
	struct state *s = open_as(PROG_OK);

	assert_int_equal(state_number(s, "n", 0), want);
	state_close(s);
}

/* Where an entry begins; each of these has one page. */
static size_t
entry(size_t i)
{
	return STATE_LOG_PAGE * i;
}

/* How long an entry is: behind that its page is empty. */
static size_t
length_of(struct image log, size_t at)
{
	uint64_t len;

	memcpy(&len, log.data + at + 16, sizeof len);
	return 32 + (size_t)len;
}

/* How many entries are whole in so much of the log. */
static size_t
whole(struct image log, size_t len)
{
	size_t n = 0;

	while (
	    n < COMMITS && entry(n + 1) + length_of(log, entry(n + 1)) <= len)
		n++;
	return n;
}

/* What was not acknowledged may be torn; what was may not. */
static void
test_torn(void **unused)
{
	struct image file, sums, log, told, before;
	struct state *s;
	size_t len;
	int64_t n;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
	sums = take(SUMS);
	log = take(LOG);
	told = take(ACKNOWLEDGED);
	before = take(ACKNOWLEDGED_BEFORE);
	for (len = 0; len < entry(COMMITS + 1); len++) {
		/* Every byte of what is in use. */
		if (len % STATE_LOG_PAGE > 2 * length_of(log, entry(1)) &&
		    len % 509 != 0)
			continue;
		n = (int64_t)whole(log, len);
		put_back(FILE_, file, file.len);
		put_back(SUMS, sums, sums.len);
		put_torn(LOG, log, len);
		if (n < COMMITS) {
			put_back(ACKNOWLEDGED, told, told.len);
			refused("stream.log' is");
		}
		put_back(ACKNOWLEDGED, before, before.len);
		if (len < 64) {
			refused("stream.log' is");
			continue;
		}
		s = open_as(PROG_OK);
		assert_int_equal(state_number(s, "n", 0), n);
		state_set_number(s, "n", n + 10);
		assert_int_equal(state_commit(s, &why), PROG_OK);
		state_close(s);
		assert_commit(n + 10);
	}
	free(file.data);
	free(sums.data);
	free(log.data);
	free(told.data);
	free(before.data);
}

/* It is never shorter than it was made, nor longer than it may be; behind its
 * entries there is room. */
static void
test_cut(void **unused)
{
	static const size_t lengths[] = { 0, 1, 63, STATE_LOG_PAGE - 1,
		STATE_LOG_PAGE, 2 * STATE_LOG_PAGE, 3 * STATE_LOG_PAGE + 17 };
	struct image file, log;
	size_t i;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
	log = take(LOG);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		put_back(LOG, log, lengths[i]);
		refused("stream.log' is damaged");
	}
	put_back(LOG, log, log.len / 2);
	refused("stream.log' is damaged");
	put_back(LOG, log, log.len - 1);
	refused("stream.log' is damaged");
	put_back(LOG, log, log.len);
	assert_int_equal(truncate(LOG, (off_t)STATE_LOG_MAX + 1), 0);
	refused("stream.log' is damaged");
	put_back(FILE_, file, file.len);
	put_back(LOG, log, log.len);
	assert_commit(COMMITS);
	free(file.data);
	free(log.data);
}

/* What cannot be opened is named. */
static void
test_no_file(void **unused)
{
	(void)unused;
	leave_log(1);
	assert_int_equal(unlink(LOG), 0);
	assert_int_equal(mkdir(LOG, 0700), 0);
	assert_null(open_as(PROG_CANTCREATE));
	assert_non_null(strstr(buf_str(&why), "stream.log': "));
	assert_int_equal(rmdir(LOG), 0);
	assert_int_equal(unlink(FILE_), 0);
}

static void
test_flips(void **unused)
{
	struct image file, log;
	size_t i, at, len;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
	log = take(LOG);
	for (i = 0; i <= COMMITS; i++) {
		len = i == 0 ? 56 : length_of(log, entry(i));
		for (at = entry(i); at < entry(i) + len; at++) {
			log.data[at] ^= (char)(1 << at % 8);
			put_back(FILE_, file, file.len);
			put_back(LOG, log, log.len);
			log.data[at] ^= (char)(1 << at % 8);
			refused("stream.log' is");
		}
	}
	free(file.data);
	free(log.data);
}

/* What has been done is not done again, and what is older is of no use. */
static void
test_twice(void **unused)
{
	struct image file, log;
	struct state *s;
	int i;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
	log = take(LOG);
	for (i = 0; i < 3; i++) {
		put_back(LOG, log, log.len);
		assert_commit(COMMITS);
	}
	s = open_as(PROG_OK);
	for (i = 0; i < 3; i++) {
		state_set_number(s, "n", 100 + i);
		assert_int_equal(state_commit(s, &why), PROG_OK);
	}
	state_close(s);
	put_back(LOG, log, log.len);
	assert_commit(102);
	/* A file from before, with the log of after. */
	leave_log(COMMITS);
	put_back(FILE_, file, file.len);
	refused("stream.mdb' is damaged");
	free(file.data);
	free(log.data);
}

static void
test_one_alone(void **unused)
{
	struct image log;

	(void)unused;
	leave_log(COMMITS);
	log = take(LOG);
	assert_int_equal(unlink(LOG), 0);
	refused("stream.log' is missing");
	assert_int_not_equal(access(LOG, F_OK), 0);
	put_back(LOG, log, log.len);
	assert_int_equal(unlink(FILE_), 0);
	refused("stream.log' does not belong");
	assert_int_not_equal(access(FILE_, F_OK), 0);
	/* Another's. */
	assert_int_equal(unlink(LOG), 0);
	leave_log(1);
	put_back(LOG, log, log.len);
	refused("stream.log' does not belong");
	strstr(log.data, "log ")[4] ^= 8; /* the number of its layout */
	put_back(LOG, log, log.len);
	refused("stream.log' is of a version");
	free(log.data);
}

/* More than a log holds goes into the file at once. */
static void
test_larger_than_a_log(void **unused)
{
	static char value[1000000];
	struct state *s = open_as(PROG_OK);
	struct state_table *t = state_table(s, "a", STATE_NUMBERS);
	struct stat st;
	uint64_t n;

	(void)unused;
	for (n = 0; n < 90; n++) {
		memset(value, (int)n + 1, sizeof value);
		state_append(t, &n, sizeof n, value, sizeof value);
		if (n == 10)
			assert_int_equal(state_commit(s, &why), PROG_OK);
	}
	assert_int_equal(state_commit(s, &why), PROG_OK);
	assert_int_equal(stat(LOG, &st), 0);
	assert_in_range(st.st_size, 1, STATE_LOG_MAX);
	assert_int_equal(st.st_mode & 07777, 0600);
	state_set_number(s, "n", 7);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	state_set_number(s, "n", 8);
	state_close(s);
	s = open_as(PROG_OK);
	assert_int_equal(state_count(state_table(s, "a", STATE_NUMBERS)), 90);
	assert_int_equal(state_number(s, "n", 0), 7);
	state_close(s);
}

/* A full disk, played by a limit on the size of files. */
static void
test_full_disk(void **unused)
{
	static char value[100000];
	struct rlimit old, small;
	struct state *s = open_as(PROG_OK);
	enum exit_code code = PROG_OK;
	int64_t i, said = 0;

	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 2000000;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 1; i < 100 && code == PROG_OK; i++) {
		memset(value, (int)i, sizeof value);
		state_put(
		    state_table(s, "a", STATE_BYTES), "k", 1, value, 100000);
		state_set_number(s, "n", i);
		code = state_commit(s, &why);
		if (code == PROG_OK)
			said = i;
	}
	assert_int_equal(code, PROG_IO);
	assert_non_null(strstr(buf_str(&why), "ulimit -f"));
	assert_non_null(strstr(buf_str(&why), LOG));
	assert_true(said > 2);
	state_set_number(s, "n", 1000);
	assert_int_equal(state_commit(s, &why), PROG_IO);
	state_close(s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_commit(said);
}

/* A new state that finds no room, or no descriptor, is not to blame, and can
 * be made when there is some. */
static void
new_without(
    __rlimit_resource_t resource, rlim_t from, rlim_t to, enum exit_code want)
{
	enum exit_code code;
	struct rlimit old, small;
	struct state *s;

	assert_int_equal(getrlimit(resource, &old), 0);
	small = old;
	for (small.rlim_cur = from; small.rlim_cur < to;
	     small.rlim_cur += from) {
		code = PROG_OK;
		assert_int_equal(setrlimit(resource, &small), 0);
		s = state_open(".", &ours, LIMIT, &code, &why);
		assert_int_equal(setrlimit(resource, &old), 0);
		assert_int_equal(code, s == NULL ? want : PROG_OK);
		assert_true(s == NULL || small.rlim_cur > from);
		state_close(s);
		assert_commit(0);
		tmpdir_empty(".");
	}
}

static void
test_new_without_room(void **unused)
{
	(void)unused;
	(void)signal(SIGXFSZ, SIG_IGN);
	new_without(RLIMIT_FSIZE, 1300, 2000000 / 40, PROG_IO);
}

static void
test_new_without_descriptors(void **unused)
{
	(void)unused;
	new_without(RLIMIT_NOFILE, 1, 16, PROG_TEMPFAIL);
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
		TEST(test_torn),
		TEST(test_cut),
		TEST(test_no_file),
		TEST(test_flips),
		TEST(test_twice),
		TEST(test_one_alone),
		TEST(test_larger_than_a_log),
		TEST(test_full_disk),
		TEST(test_new_without_room),
		TEST(test_new_without_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
