/*
 * The log of a state: what is torn at its end is dropped, what is cut off or
 * damaged before it is refused, and so is a log without its file, a file
 * without its log, and the log of another; what is larger than a log; a full
 * disk; a file of the version that had no log.
 */
#define _GNU_SOURCE

#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "aggregator/state.h"
#include "aggregator/state_log.h"

#include "common/fnv.h"

#define DAY INT64_C(86400000)
#define LIMIT ((size_t)256 << 20)
#define LOG "stream.log"
#define FILE_ "stream.mdb"

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

/* Commits, and is killed: the file has the first ones only. */
static void
leave_log(int64_t commits)
{
	struct state *s;
	int64_t i;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		s = open_as(PROG_OK);
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

static void
test_torn(void **unused)
{
	struct image file, log;
	struct state *s;
	size_t len;
	int64_t n;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
	log = take(LOG);
	for (len = 0; len < entry(COMMITS + 1); len++) {
		/* Every byte of what is in use. */
		if (len % STATE_LOG_PAGE > 2 * length_of(log, entry(1)) &&
		    len % 509 != 0)
			continue;
		put_back(FILE_, file, file.len);
		put_torn(LOG, log, len);
		if (len < 64) {
			refused("stream.log' is");
			continue;
		}
		n = (int64_t)whole(log, len);
		s = open_as(PROG_OK);
		assert_int_equal(state_number(s, "n", 0), n);
		state_set_number(s, "n", n + 10);
		assert_int_equal(state_commit(s, &why), PROG_OK);
		state_close(s);
		assert_commit(n + 10);
	}
	free(file.data);
	free(log.data);
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
			if (i == COMMITS)
				assert_commit(COMMITS - 1);
			else
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
	struct image file, log, later;
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
	later = take(FILE_);
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
	refused("does not belong");
	put_back(FILE_, later, later.len);
	refused("does not belong");
	free(file.data);
	free(log.data);
	free(later.data);
}

static void
test_one_alone(void **unused)
{
	struct image file, log;

	(void)unused;
	leave_log(COMMITS);
	file = take(FILE_);
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
	put_back(FILE_, file, file.len);
	assert_commit(COMMITS);
	memcpy(strstr(log.data, "log 1"), "log 2", 5);
	put_back(LOG, log, log.len);
	refused("stream.log' is of a version");
	free(file.data);
	free(log.data);
}

/* The value of a key, as it stands in the file, in each copy of its page. */
static void
patch(struct image *im, const char *key, const char *old, const char *new)
{
	size_t len = strlen(old), found = 0;
	uint64_t sum;
	char *p = im->data, *end = im->data + im->len - len;

	for (; p < end; p++) {
		if (memcmp(p, old, len) != 0)
			continue;
		memcpy(p, new, len);
		sum =
		    state_sum(state_sum(FNV_START, key, strlen(key)), new, len);
		memcpy(p - sizeof sum, &sum, sizeof sum);
		found++;
	}
	assert_true(found > 0);
}

/* The same for the number of the last commit in the file. */
static void
patch_commit(struct image *im, int64_t new)
{
	static const char key[] = "commit";
	size_t len = sizeof key - 1, found = 0;
	uint64_t sum =
	    state_sum(state_sum(FNV_START, key, len), &new, sizeof new);
	char *p = im->data;

	while ((p = memmem(p, im->len - (size_t)(p - im->data), key, len)) !=
	       NULL) {
		p += len;
		memcpy(p, &sum, sizeof sum);
		memcpy(p + sizeof sum, &new, sizeof new);
		found++;
	}
	assert_true(found > 0);
}

/* The format before; and it is not the only one that there may be. */
static void
test_before_logs(void **unused)
{
	struct state *s = open_as(PROG_OK);
	struct image im;

	(void)unused;
	state_set_number(s, "n", 5);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	state_close(s);
	im = take(FILE_);
	patch(&im, "format", "messaging-analytics stream 2",
	    "messaging-analytics stream 1");
	patch_commit(&im, 0);
	put_back(FILE_, im, im.len);
	assert_int_equal(unlink(LOG), 0);
	assert_commit(5);
	free(im.data);
	im = take(FILE_);
	assert_non_null(memmem(im.data, im.len, "stream 2", 8));
	patch(&im, "format", "messaging-analytics stream 2",
	    "messaging-analytics stream 3");
	put_back(FILE_, im, im.len);
	refused("stream.mdb' is of a version");
	free(im.data);
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
	assert_non_null(strstr(buf_str(&why), "make room"));
	assert_true(said > 2);
	state_set_number(s, "n", 1000);
	assert_int_equal(state_commit(s, &why), PROG_IO);
	state_close(s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_commit(said);
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
		TEST(test_before_logs),
		TEST(test_larger_than_a_log),
		TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
