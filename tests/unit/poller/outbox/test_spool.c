/*
 * Test of spool.h: what is added comes back in order, once; what was cut by
 * a crash is cut off; it can be full; a killed listener loses nothing that was
 * synced. A pipe, folder or socket in place of a file is refused at once.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "poller/outbox/spool.h"

#define DIR_NAME "state/spool"
#define MIB ((uint64_t)1024 * 1024)

static struct spool *
open_max(uint64_t max)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct spool *b = spool_open(DIR_NAME, &spool_spool, max, &code, &why);

	if (b == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return b;
}

static void
add(struct spool *b, const char *text)
{
	struct buf why = BUF_INIT;

	if (spool_add(b, text, strlen(text), &why) != 0)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

static void
sync_it(struct spool *b)
{
	assert_int_equal(spool_sync(b, NULL), 0);
}

/* Reads `most` bytes at a time until there is no more. */
static void
read_all(struct spool *b, size_t most, struct buf *to)
{
	struct buf why = BUF_INIT;
	const char *lines;
	size_t len;
	int got;

	buf_clear(to);
	while ((got = spool_next(b, &lines, &len, most, &why)) > 0) {
		assert_int_equal(lines[len - 1], '\n');
		buf_add(to, lines, len);
	}
	if (got < 0)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

static void
assert_reads(struct spool *b, const char *text)
{
	struct buf all = BUF_INIT;

	read_all(b, 7, &all);
	assert_string_equal(buf_str(&all), text);
	buf_release(&all);
}

static unsigned
files(void)
{
	DIR *d = opendir(DIR_NAME);
	struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strstr(e->d_name, ".ndjson") != NULL;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static int
clean(void **state)
{
	(void)state;
	tmpdir_empty(DIR_NAME);
	return 0;
}

static int
leave(void **state)
{
	tmpdir_empty(DIR_NAME);
	(void)rmdir(DIR_NAME);
	(void)rmdir("state");
	return tmpdir_leave(state);
}

static void
lines_come_back_in_order(void **state)
{
	struct spool *b = open_max(MIB);

	(void)state;
	assert_true(spool_is_empty(b));
	assert_reads(b, "");
	add(b, "one\n");
	add(b, "two\nthree\n");
	/* Nobody was told yet that they are safe. */
	assert_reads(b, "");
	sync_it(b);
	assert_reads(b, "one\ntwo\nthree\n");
	assert_reads(b, "");
	add(b, "four\n");
	sync_it(b);
	assert_reads(b, "four\n");
	spool_rewind(b);
	assert_reads(b, "one\ntwo\nthree\nfour\n");
	assert_false(spool_is_empty(b));
	spool_clear(b);
	assert_true(spool_is_empty(b));
	assert_int_equal(files(), 0);
	add(b, "five\n");
	sync_it(b);
	assert_reads(b, "five\n");
	spool_close(b);
}

/* After `count` pieces of about one byte: a line each. */
static void
confirm_pieces(struct spool *b, size_t count)
{
	const char *lines;
	size_t i, len;

	for (i = 0; i < count; i++) {
		assert_int_equal(spool_next(b, &lines, &len, 1, NULL), 1);
		spool_confirm(b);
	}
}

static void
what_is_confirmed_does_not_come_again(void **state)
{
	struct spool *b = open_max(MIB);
	const char *lines;
	size_t len;

	(void)state;
	add(b, "one\ntwo\nthree\n");
	sync_it(b);
	confirm_pieces(b, 1);
	assert_int_equal(spool_next(b, &lines, &len, 1, NULL), 1);
	spool_rewind(b);
	assert_int_equal(spool_number_read(b), 1);
	assert_reads(b, "two\nthree\n");
	spool_rewind(b);
	/* The same in the next file, after the first one was removed. */
	confirm_pieces(b, 2);
	spool_end_file(b);
	add(b, "four\nfive\n");
	sync_it(b);
	confirm_pieces(b, 1);
	assert_int_equal(files(), 1);
	assert_reads(b, "five\n");
	spool_rewind(b);
	assert_reads(b, "five\n");
	spool_clear(b);
	add(b, "six\n");
	sync_it(b);
	spool_rewind(b);
	assert_reads(b, "six\n");
	spool_close(b);
}

static void
a_later_run_goes_on(void **state)
{
	struct spool *b = open_max(MIB);
	struct stat st;

	(void)state;
	add(b, "one\n");
	sync_it(b);
	spool_close(b);
	assert_int_equal(stat(DIR_NAME, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	b = open_max(MIB);
	assert_false(spool_is_damaged(b));
	assert_int_equal(spool_lines(b), 1);
	assert_true(spool_bytes(b) > 4);
	add(b, "two\n");
	sync_it(b);
	assert_reads(b, "one\ntwo\n");
	spool_confirm(b);
	spool_close(b);
	/* The first file was read to its end, the second one may grow. */
	b = open_max(MIB);
	assert_reads(b, "two\n");
	spool_clear(b);
	spool_close(b);
	b = open_max(MIB);
	assert_true(spool_is_empty(b));
	spool_close(b);
}

static void
long_lines_and_many_files(void **state)
{
	struct spool *b = open_max(64 * MIB);
	struct buf all = BUF_INIT, line = BUF_INIT, want = BUF_INIT;
	unsigned i;

	(void)state;
	for (i = 0; i < 40; i++) {
		buf_setf(&line, "%u ", i);
		while (line.len < 300000)
			buf_addc(&line, 'x');
		buf_addc(&line, '\n');
		add(b, buf_str(&line));
		sync_it(b);
		buf_add(&want, line.data, line.len);
	}
	assert_in_range(files(), 3, 5);
	read_all(b, 65536, &all);
	assert_int_equal(all.len, want.len);
	assert_memory_equal(all.data, want.data, want.len);
	spool_confirm(b);
	assert_int_equal(files(), 1);
	spool_clear(b);
	assert_int_equal(files(), 0);
	buf_release(&all);
	buf_release(&line);
	buf_release(&want);
	spool_close(b);
}

static void
it_can_be_full(void **state)
{
	/* Two of these lines as they are kept. */
	struct spool *b = open_max(2 * (10 + 43) - 1);
	struct buf why = BUF_INIT;

	(void)state;
	add(b, "0123456789\n");
	assert_int_equal(spool_add(b, "0123456789\n", 11, &why), -1);
	assert_non_null(strstr(buf_str(&why), "full"));
	add(b, "012345678\n");
	sync_it(b);
	assert_int_equal(spool_add(b, "\n", 1, &why), -1);
	assert_reads(b, "0123456789\n012345678\n");
	spool_clear(b);
	add(b, "0123456789\n");
	sync_it(b);
	assert_reads(b, "0123456789\n");
	buf_release(&why);
	spool_close(b);
}

/* A disk that is full in the middle of a line. */
static void
a_write_that_fails_leaves_nothing(void **state)
{
	struct rlimit limit, small;
	struct spool *b = open_max(MIB);
	struct buf why = BUF_INIT;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	add(b, "one\n");
	sync_it(b);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 2 * 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	add(b, "two\n");
	assert_int_equal(spool_add(b, "too long for it\n", 16, &why), -1);
	assert_non_null(strstr(buf_str(&why), "cannot write"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	add(b, "three\n");
	sync_it(b);
	assert_reads(b, "one\ntwo\nthree\n");
	buf_release(&why);
	spool_close(b);
}

static void
one_listener_at_a_time(void **state)
{
	struct spool *b = open_max(MIB);
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	(void)state;
	assert_null(spool_open(DIR_NAME, &spool_spool, MIB, &code, &why));
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(buf_str(&why), "another listener"));
	spool_close(b);
	b = open_max(MIB);
	spool_close(b);
	buf_release(&why);
}

static void
a_folder_that_cannot_be_made_is_told(void **state)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	(void)state;
	tmpdir_file("plain", "", 0, 0600);
	assert_null(
	    spool_open("plain/state/spool", &spool_spool, MIB, &code, &why));
	assert_int_equal(code, PROG_CANTCREATE);
	assert_non_null(strstr(buf_str(&why), "plain/state/spool"));
	buf_release(&why);
}

/* Adds and syncs numbered lines, and tells the last one that is safe. */
static void
write_for_ever(int tell)
{
	struct spool *b = open_max(64 * MIB);
	char line[64];
	unsigned i;

	for (i = 1;; i++) {
		int n = snprintf(line, sizeof line, "{\"line\":%u}\n", i);

		if (spool_add(b, line, (size_t)n, NULL) != 0 ||
		    (i % 3 == 0 && spool_sync(b, NULL) != 0))
			_exit(1);
		if (i % 3 == 0 && write(tell, &i, sizeof i) != sizeof i)
			_exit(2);
	}
}

static void
a_killed_listener_loses_nothing_that_was_safe(void **state)
{
	struct buf all = BUF_INIT;
	struct spool *b;
	unsigned safe = 0, last = 0, i, got;
	const char *p;
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		write_for_ever(fds[1]);
	}
	(void)close(fds[1]);
	for (i = 0; i < 50; i++)
		assert_int_equal(read(fds[0], &safe, sizeof safe), 4);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (read(fds[0], &got, sizeof got) == sizeof got)
		safe = got;
	(void)close(fds[0]);
	b = open_max(64 * MIB);
	read_all(b, 4096, &all);
	for (p = buf_str(&all); *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_memory_equal(p, "{\"line\":", 8);
		assert_int_equal(strtoul(p + 8, NULL, 10), ++last);
	}
	assert_in_range(last, safe, safe + 6);
	buf_release(&all);
	spool_close(b);
}

/* Somebody cleans up while it is in use: what is gone does not stop the
 * rest, and nothing is called safe that nobody will find. */
static void
a_removed_file_is_passed_over(void **state)
{
	struct spool *b = open_max(MIB);
	struct buf why = BUF_INIT;

	(void)state;
	add(b, "one\n");
	sync_it(b);
	assert_int_equal(unlink(DIR_NAME "/0000000001.ndjson"), 0);
	add(b, "two\n");
	assert_int_equal(spool_sync(b, &why), -1);
	assert_non_null(strstr(buf_str(&why), "make it again"));
	add(b, "three\n");
	sync_it(b);
	assert_reads(b, "three\n");
	spool_clear(b);
	assert_true(spool_is_empty(b));
	assert_int_equal(files(), 0);
	buf_release(&why);
	spool_close(b);
}

/* Moved away and put back, it is read by a later run. */
static void
a_moved_file_stays(void **state)
{
	struct spool *b = open_max(MIB);
	struct buf why = BUF_INIT;

	(void)state;
	add(b, "one\n");
	sync_it(b);
	assert_int_equal(rename(DIR_NAME "/0000000001.ndjson", "aside"), 0);
	add(b, "two\n");
	assert_int_equal(spool_sync(b, &why), -1);
	assert_reads(b, "");
	assert_int_equal(rename("aside", DIR_NAME "/0000000001.ndjson"), 0);
	spool_clear(b);
	spool_close(b);
	b = open_max(MIB);
	assert_reads(b, "one\n");
	spool_clear(b);
	buf_release(&why);
	spool_close(b);
}

/* What stands in the place of a file and is none. */
static void
put_other_kind(const char *path, int kind)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	(void)unlink(path);
	if (kind == 0) {
		assert_int_equal(mkfifo(path, 0600), 0);
	} else if (kind == 1) {
		assert_int_equal(mkdir(path, 0700), 0);
	} else {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&at, sizeof at), 0);
		(void)close(fd);
	}
}

static void
assert_no_file(const char *path)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	assert_null(spool_open(DIR_NAME, &spool_spool, MIB, &code, &why));
	assert_int_not_equal(code, PROG_OK);
	assert_non_null(strstr(buf_str(&why), path));
	assert_non_null(strchr(buf_str(&why), ';'));
	assert_null(strchr(buf_str(&why), '\n'));
	buf_release(&why);
	assert_int_equal(remove(path), 0);
}

static void
what_is_no_file_is_refused(void **state)
{
	static const char *const paths[] = { DIR_NAME "/0000000001.ndjson",
		DIR_NAME "/acknowledged" };
	size_t i;
	int kind;

	(void)state;
	spool_close(open_max(MIB));
	for (i = 0; i < ARRAY_LEN(paths); i++) {
		for (kind = 0; kind < 3; kind++) {
			put_other_kind(paths[i], kind);
			assert_no_file(paths[i]);
		}
	}
}

int
main(void)
{
#define CLEAN(test) cmocka_unit_test_setup(test, clean)
	const struct CMUnitTest tests[] = {
		CLEAN(lines_come_back_in_order),
		CLEAN(what_is_confirmed_does_not_come_again),
		CLEAN(a_later_run_goes_on),
		CLEAN(long_lines_and_many_files),
		CLEAN(it_can_be_full),
		CLEAN(a_write_that_fails_leaves_nothing),
		CLEAN(a_removed_file_is_passed_over),
		CLEAN(a_moved_file_stays),
		CLEAN(one_listener_at_a_time),
		CLEAN(a_folder_that_cannot_be_made_is_told),
		CLEAN(what_is_no_file_is_refused),
		CLEAN(a_killed_listener_loses_nothing_that_was_safe),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, leave);
}
