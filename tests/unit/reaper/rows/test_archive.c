/*
 * Tests of reaper/archive: only whole lines, never through a link, one at a
 * time, and nothing half written after an error.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "common/os/stop.h"
#include "reaper/rows/archive.h"

#define ROW "{\"type\":\"row\",\"table\":\"chat_metrics\",\"chat\":\"5\"}\n"

/* The whole file, NUL-ended. */
static const char *
content(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof text - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	return text;
}

static struct archive *
must_open(const char *name)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct archive *a = archive_open(name, &why, &code);

	if (a == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return a;
}

static void
add(struct archive *a, const char *text, int want)
{
	struct buf lines = BUF_INIT, why = BUF_INIT;
	enum exit_code code = PROG_OK;

	buf_adds(&lines, text);
	assert_int_equal(archive_write(a, &lines, &why, &code), want);
	if (want != 0)
		assert_non_null(strstr(buf_str(&why), "nothing was deleted"));
	buf_release(&lines);
	buf_release(&why);
}

static void
lines_are_appended_in_private(void **state)
{
	struct archive *a = must_open("new");
	struct stat st;

	(void)state;
	add(a, ROW, 0);
	add(a, "", 0);
	archive_close(a);
	a = must_open("new");
	add(a, ROW, 0);
	archive_close(a);
	assert_string_equal(content("new"), ROW ROW);
	assert_int_equal(stat("new", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_cut_line_goes_and_a_strange_file_stays(void **state)
{
	static const struct {
		const char *name, *before, *after; /* after NULL: refused */
	} cases[] = {
		{ "whole", ROW, ROW },
		{ "cut in the row", ROW "{\"type\":\"row\",\"tab", ROW },
		{ "cut early", ROW "{\"ty", ROW },
		{ "only half a line", "{\"type\":\"row\"", "" },
		{ "somebody's notes", "buy milk\nand brea", NULL },
		{ "no line at all", "x", NULL },
	};
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct archive *a;
	char text[256];
	size_t i;
	int saved;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		tmpdir_file(
		    "old", cases[i].before, strlen(cases[i].before), 0600);
		saved = tmpdir_catch_stderr();
		a = archive_open("old", &why, &code);
		tmpdir_stderr(saved, text, sizeof text);
		if ((a != NULL) != (cases[i].after != NULL))
			fail_msg("%s", cases[i].name);
		archive_close(a);
		if (a == NULL)
			assert_int_equal(code, PROG_CANTCREATE);
		assert_string_equal(content("old"),
		    cases[i].after != NULL ? cases[i].after : cases[i].before);
	}
	buf_release(&why);
}

/* Longer than what is read at once when the last newline is looked for. */
static void
a_long_cut_line_goes_too(void **state)
{
	char text[sizeof ROW + 12000];
	struct archive *a;
	char said[256];
	int saved;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, ROW, sizeof ROW - 1);
	memcpy(text + sizeof ROW - 1, "{\"type\":\"row\"", 13);
	tmpdir_file("long", text, sizeof text, 0600);
	saved = tmpdir_catch_stderr();
	a = must_open("long");
	tmpdir_stderr(saved, said, sizeof said);
	assert_non_null(strstr(said, "unfinished line"));
	add(a, ROW, 0);
	archive_close(a);
	assert_string_equal(content("long"), ROW ROW);
}

/* A power cut may leave NUL bytes. */
static void
what_was_never_written_goes(void **state)
{
	char text[sizeof ROW + 9000] = ROW, said[256];
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct archive *a;
	int saved;

	(void)state;
	tmpdir_file("zeros", text, sizeof text, 0600);
	saved = tmpdir_catch_stderr();
	a = must_open("zeros");
	tmpdir_stderr(saved, said, sizeof said);
	assert_non_null(strstr(said, "unfinished line"));
	add(a, ROW, 0);
	archive_close(a);
	assert_string_equal(content("zeros"), ROW ROW);

	text[sizeof text - 1] = 'x';
	tmpdir_file("binary", text, sizeof text, 0600);
	assert_null(archive_open("binary", &why, &code));
	buf_release(&why);
}

static void
what_is_not_a_file_is_refused(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{ "link", "it is a link" },
		{ "pipe", "not a regular file" },
		{ ".", "directory" },
		{ "/dev/full", "not a regular file" },
		{ "no/such", "No such file" },
	};
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	size_t i;

	(void)state;
	tmpdir_file("target", ROW, sizeof ROW - 1, 0600);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(archive_open(cases[i].path, &why, &code));
		assert_int_equal(code, PROG_CANTCREATE);
		if (strstr(buf_str(&why), cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].path, buf_str(&why));
	}
	buf_release(&why);
}

static void
another_run_is_waited_for(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	int fd;

	(void)state;
	tmpdir_file("held", ROW, sizeof ROW - 1, 0600);
	fd = open("held", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	/* Not for ever: asked to stop, it gives up. */
	stop_set(true);
	assert_null(archive_open("held", &why, &code));
	stop_set(false);
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(buf_str(&why), "another run"));
	(void)close(fd);
	archive_close(must_open("held"));
	buf_release(&why);
}

/* A reaper at a queue has the archive open for days. */
static void
a_file_that_was_rotated_is_left(void **state)
{
	struct archive *a = must_open("rotated");
	struct buf lines = BUF_INIT, why = BUF_INIT;
	enum exit_code code = PROG_OK;

	(void)state;
	add(a, ROW, 0);
	assert_int_equal(rename("rotated", "rotated.1"), 0);
	add(a, ROW ROW, 0);
	assert_string_equal(content("rotated"), ROW ROW);
	assert_int_equal(unlink("rotated"), 0);
	add(a, ROW, 0);
	assert_string_equal(content("rotated"), ROW);
	/* What has the name is no archive: nothing is written anywhere. */
	assert_int_equal(rename("rotated", "rotated.2"), 0);
	tmpdir_file("rotated", "notes", 5, 0600);
	buf_adds(&lines, ROW);
	assert_int_equal(archive_write(a, &lines, &why, &code), -1);
	assert_int_equal(archive_write(a, &lines, &why, &code), -1);
	assert_int_equal(code, PROG_CANTCREATE);
	assert_string_equal(content("rotated"), "notes");
	assert_string_equal(content("rotated.1"), ROW);
	assert_string_equal(content("rotated.2"), ROW);
	assert_int_equal(unlink("rotated"), 0);
	add(a, ROW, 0);
	archive_close(a);
	assert_string_equal(content("rotated"), ROW);
	buf_release(&lines);
	buf_release(&why);
}

static void
a_full_disk_leaves_whole_lines(void **state)
{
	struct archive *a = must_open("small");
	struct rlimit old, small;
	char big[4096];

	(void)state;
	add(a, ROW, 0);
	memset(big, 'x', sizeof big);
	big[sizeof big - 2] = '\n';
	big[sizeof big - 1] = '\0';
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	add(a, big, -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_string_equal(content("small"), ROW);
	add(a, ROW, 0);
	archive_close(a);
	assert_string_equal(content("small"), ROW ROW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_appended_in_private),
		cmocka_unit_test(a_cut_line_goes_and_a_strange_file_stays),
		cmocka_unit_test(a_long_cut_line_goes_too),
		cmocka_unit_test(what_was_never_written_goes),
		cmocka_unit_test(what_is_not_a_file_is_refused),
		cmocka_unit_test(another_run_is_waited_for),
		cmocka_unit_test(a_file_that_was_rotated_is_left),
		cmocka_unit_test(a_full_disk_leaves_whole_lines),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
