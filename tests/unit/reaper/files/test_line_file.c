/*
 * Tests of reaper/files/line_file: only what is to go goes, the file is there
 * at any time, nobody else writes to it meanwhile, and what is no file of lines
 * is left alone. And the archive, which may be exchanged while it is waited
 * for.
 */
#include "tests/unit/tmpdir.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "common/os/stop.h"
#include "reaper/files/line_file.h"
#include "reaper/files/records_file.h"
#include "reaper/rows/archive.h"

static const char *
text_of(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	return text;
}

/* Lines that begin with x are to go. */
static bool
begins_with_x(void *ctx, const char *line, size_t len)
{
	size_t *seen = ctx;

	*seen += 1;
	return len > 0 && line[0] == 'x';
}

/* The same; in the place of "xyTEXT" yTEXT stays. */
static bool
begins_with_x_or_stays(
    void *ctx, const char *line, size_t len, struct buf *instead)
{
	bool goes = begins_with_x(ctx, line, len);

	if (goes && len > 1 && line[1] == 'y') {
		buf_add(instead, line + 1, len - 1);
		buf_addc(instead, '\n');
	}
	return goes;
}

static void
lines_are_removed(void **state)
{
	static const struct {
		const char *before, *after;
		size_t lines;
	} cases[] = {
		{ "", "", 0 },
		{ "a\nb\n", "a\nb\n", 2 },
		{ "xa\nb\n", "b\n", 2 },
		{ "a\nxb\n\nc\n", "a\n\nc\n", 4 },
		{ "xa\nxb\n", "", 2 },
		{ "a\nhalf a line", "a\nhalf a line", 2 },
		{ "xa\nhalf a line", "half a line", 2 },
		{ "a\nxhalf a line", "a\n", 2 },
		{ "half a line", "half a line", 1 },
		{ "xya\nb\nxc\nxyd\nxyehalf", "ya\nb\nyd\nyehalf\n", 5 },
	};
	struct buf why = BUF_INIT;
	struct stat st;
	size_t i, seen;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		tmpdir_file(
		    "file", cases[i].before, strlen(cases[i].before), 0600);
		/* A run that was killed left this. */
		tmpdir_file("file.forget", "old", 3, 0600);
		seen = 0;
		assert_int_equal(line_file_remove("file",
				     begins_with_x_or_stays, &seen, &why),
		    PROG_OK);
		assert_string_equal(text_of("file"), cases[i].after);
		assert_int_equal(seen, cases[i].lines);
		assert_int_equal(access("file.forget", F_OK), -1);
		assert_int_equal(stat("file", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	buf_release(&why);
}

/* What is not read whole is not written anew. */
static void
a_line_that_is_too_long_stays(void **state)
{
	size_t len = 9 << 20, seen = 0;
	char *text = xcalloc(len, 1);
	struct buf why = BUF_INIT;
	struct stat st;

	(void)state;
	memset(text, 'a', len);
	memcpy(text, "xa\n", 3);
	tmpdir_file("long", text, len, 0600);
	assert_int_equal(
	    line_file_remove("long", begins_with_x_or_stays, &seen, &why),
	    PROG_DATA);
	assert_int_equal(stat("long", &st), 0);
	assert_int_equal(st.st_size, len);
	buf_release(&why);
	free(text);
}

static void
only_files_of_records_are_taken(void **state)
{
	static const struct {
		const char *text, *why;
		size_t len;
		bool ours;
	} cases[] = {
		{ "", NULL, 0, false },
		{ "\n", NULL, 1, false },
		{ "{\"a\":1}\n", NULL, 8, false },
		{ "{\"a\":1}", NULL, 7, false },
		{ "half\n{\"a\":1}\n{\"a", NULL, 16, false },
		{ "a;b\n1;2\n", "no line of it is JSON", 8, false },
		/* What a write left that did not reach its end. */
		{ "{\"a\":", NULL, 5, false },
		{ "{", NULL, 1, true },
		{ "{\"a\":1}\n\0\0", NULL, 10, true },
		{ "\0\0\0", NULL, 3, true },
		{ "\0{\"a\":1}\n", NULL, 9, true },
		{ "{\n", "no line of it is JSON", 2, true },
		{ "a;\0\nb;1\n", "no line of it is JSON", 8, true },
		{ "{\"a\":1}\n\0\n", "it has NUL bytes", 10, false },
		{ "\x1f\x8b\x08{}\n", "it is compressed; unpack it", 6, false },
		{ "\x28\xb5\x2f\xfd\n{}\n", "it is compressed", 8, false },
		{ "\xfd\x37zXZ\n{}\n", "it is compressed", 9, false },
	};
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		tmpdir_file("named", cases[i].text, cases[i].len, 0600);
		assert_int_equal(
		    records_file_check("named", cases[i].ours, &why),
		    cases[i].why == NULL ? PROG_OK : PROG_DATA);
		if (cases[i].why == NULL)
			continue;
		assert_non_null(strstr(buf_str(&why), cases[i].why));
		assert_non_null(strstr(buf_str(&why), "'named' is no file"));
	}
	assert_int_equal(records_file_check("none", false, &why), PROG_OK);
	buf_release(&why);
}

static void
an_unchanged_file_stays_the_same_one(void **state)
{
	struct buf why = BUF_INIT;
	struct stat before, after;
	size_t seen = 0;

	(void)state;
	tmpdir_file("same", "a\nb\n", 4, 0640);
	assert_int_equal(stat("same", &before), 0);
	assert_int_equal(
	    line_file_remove("same", begins_with_x_or_stays, &seen, &why),
	    PROG_OK);
	assert_int_equal(stat("same", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	buf_release(&why);
}

static void
what_is_not_there_has_no_lines(void **state)
{
	struct buf why = BUF_INIT;
	size_t seen = 0;

	(void)state;
	assert_int_equal(
	    line_file_read("none", begins_with_x, &seen, &why), PROG_OK);
	assert_int_equal(
	    line_file_remove("none", begins_with_x_or_stays, &seen, &why),
	    PROG_OK);
	assert_int_equal(access("none", F_OK), -1);
	assert_int_equal(seen, 0);
	buf_release(&why);
}

static void
other_things_are_refused(void **state)
{
	static const char *const names[] = { "pipe", "link", "." };
	struct buf why = BUF_INIT;
	size_t i, seen = 0;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	tmpdir_file("target", "xa\n", 3, 0600);
	assert_int_equal(symlink("target", "link"), 0);
	for (i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_not_equal(line_file_remove(names[i],
					 begins_with_x_or_stays, &seen, &why),
		    PROG_OK);
		assert_non_null(strstr(buf_str(&why), names[i]));
		assert_int_not_equal(
		    line_file_read(names[i], begins_with_x, &seen, &why),
		    PROG_OK);
	}
	assert_string_equal(text_of("target"), "xa\n");
	buf_release(&why);
}

static void
a_writer_is_not_disturbed(void **state)
{
	struct buf why = BUF_INIT;
	size_t seen = 0;
	int fd;

	(void)state;
	tmpdir_file("held", "xa\n", 3, 0600);
	fd = open("held", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	stop_set(true);
	assert_int_equal(
	    line_file_remove("held", begins_with_x_or_stays, &seen, &why),
	    PROG_TEMPFAIL);
	stop_set(false);
	assert_non_null(strstr(buf_str(&why), "somebody writes to it"));
	assert_string_equal(text_of("held"), "xa\n");
	(void)close(fd);
	buf_release(&why);
}

/* Appends without the lock until it is killed. */
static pid_t
start_writer(const char *name)
{
	pid_t child = fork();
	int fd;

	assert_true(child >= 0);
	while (child == 0) {
		fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (fd < 0 || write(fd, "xa\n", 3) != 3)
			_exit(1);
		(void)close(fd);
	}
	return child;
}

static void
what_is_written_meanwhile_is_noticed(void **state)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	size_t seen = 0;
	int status;
	pid_t child;

	(void)state;
	tmpdir_file("busy", "xa\n", 3, 0600);
	child = start_writer("busy");
	/* On a busy machine the writer has its turn late. */
	while (code == PROG_OK && waitpid(child, &status, WNOHANG) == 0)
		code = line_file_remove(
		    "busy", begins_with_x_or_stays, &seen, &why);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(buf_str(&why), "'busy' was written to"));
	assert_int_equal(access("busy.forget", F_OK), -1);
	buf_release(&why);
}

/* Whether the process has a file of that name open. */
static bool
has_open(pid_t pid, const char *name)
{
	char *dir = xasprintf("/proc/%d/fd", (int)pid), target[4096];
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;
	ssize_t n;

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		found = strrchr(target, '/') != NULL &&
			strcmp(strrchr(target, '/') + 1, name) == 0;
	}
	if (d != NULL)
		(void)closedir(d);
	free(dir);
	return found;
}

/* The file is exchanged while another process waits for its lock. */
static void
an_archive_that_was_exchanged_is_opened_anew(void **state)
{
	static const char row[] = "{\"type\":\"row\"}\n";
	struct buf why = BUF_INIT, lines = BUF_INIT;
	enum exit_code code;
	struct archive *a;
	int fd, status;
	pid_t child;

	(void)state;
	tmpdir_file("archive", row, sizeof row - 1, 0600);
	/* By another name, which the child inherits. */
	assert_int_equal(link("archive", "ours"), 0);
	fd = open("ours", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	child = fork();
	if (child == 0) {
		(void)close(fd);
		a = archive_open("archive", &why, &code);
		buf_adds(&lines, row);
		_exit(a != NULL && archive_write(a, &lines, &why, &code) == 0
			  ? 0
			  : 1);
	}
	do
		(void)sched_yield();
	while (waitpid(child, &status, WNOHANG) == 0 &&
	       !has_open(child, "archive"));
	tmpdir_file("new", "", 0, 0600);
	assert_int_equal(rename("new", "archive"), 0);
	(void)close(fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_string_equal(text_of("archive"), row);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_removed),
		cmocka_unit_test(a_line_that_is_too_long_stays),
		cmocka_unit_test(only_files_of_records_are_taken),
		cmocka_unit_test(an_unchanged_file_stays_the_same_one),
		cmocka_unit_test(what_is_not_there_has_no_lines),
		cmocka_unit_test(other_things_are_refused),
		cmocka_unit_test(a_writer_is_not_disturbed),
		cmocka_unit_test(what_is_written_meanwhile_is_noticed),
		cmocka_unit_test(an_archive_that_was_exchanged_is_opened_anew),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
