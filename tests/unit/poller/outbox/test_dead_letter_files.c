/*
 * Tests of poller/outbox/dead_letter_files: a file a day, private, and what is
 * too old goes.
 */
#define _DEFAULT_SOURCE /* flock */
#include "tests/unit/tmpdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "poller/outbox/dead_letter_files.h"

#define DAY DAY_MS
#define NOON INT64_C(1795176000000) /* 2026-11-20T12:00:00Z */

static void
put(struct dead_letter_files *l, const char *line, int64_t now_ms)
{
	struct buf why = BUF_INIT;

	if (dead_letter_files_write(l, line, strlen(line), now_ms, &why) != 0 ||
	    dead_letter_files_flush(l, &why) != 0)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

/* What the file of the day holds, newlines as '|'; "-" when there is none. */
static const char *
content(const char *day)
{
	static char text[256];
	char path[64];
	size_t n, i;
	FILE *f;

	(void)snprintf(path, sizeof path, "dead/%s.ndjson", day);
	f = fopen(path, "re");
	if (f == NULL)
		return "-";
	n = fread(text, 1, sizeof text - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	for (i = 0; i < n; i++)
		text[i] = text[i] == '\n' ? '|' : text[i];
	return text;
}

static int
remove_folder(void **state)
{
	(void)state;
	tmpdir_empty("dead");
	return rmdir("dead");
}

static void
each_day_has_a_file(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);
	struct stat st;

	(void)state;
	assert_int_equal(access("dead", F_OK), -1);
	put(l, "a", NOON);
	put(l, "b", NOON + 1);
	put(l, "c", NOON + DAY);
	dead_letter_files_close(l);
	l = dead_letter_files_open("dead", 2 * DAY);
	put(l, "d", NOON + DAY);
	dead_letter_files_close(l);
	assert_string_equal(content("2026-11-20"), "a|b|");
	assert_string_equal(content("2026-11-21"), "c|d|");
	assert_int_equal(stat("dead/2026-11-20.ndjson", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat("dead", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void
a_pipe_is_no_file(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);
	struct buf why = BUF_INIT;
	char byte;
	int fd;

	(void)state;
	assert_int_equal(mkdir("dead", 0700), 0);
	assert_int_equal(mkfifo("dead/2026-11-20.ndjson", 0600), 0);
	fd = open("dead/2026-11-20.ndjson", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(dead_letter_files_write(l, "a", 1, NOON, &why), -1);
	assert_non_null(strstr(buf_str(&why), "Illegal seek; it is a pipe"));
	assert_int_equal(read(fd, &byte, 1), 0); /* nothing was written */
	(void)close(fd);
	dead_letter_files_close(l);
	buf_release(&why);
}

static void
old_ones_go(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);

	(void)state;
	put(l, "a", NOON);
	tmpdir_file("dead/2026-11-19.ndjson.gz", "x", 1, 0600);
	tmpdir_file("dead/notes", "x", 1, 0600);
	put(l, "b", NOON + 2 * DAY);
	assert_string_equal(content("2026-11-20"), "a|");
	put(l, "c", NOON + 3 * DAY);
	dead_letter_files_close(l);
	assert_string_equal(content("2026-11-20"), "-");
	assert_string_equal(content("2026-11-22"), "b|");
	assert_string_equal(content("2026-11-23"), "c|");
	assert_int_equal(access("dead/notes", F_OK), 0);
	assert_int_equal(access("dead/2026-11-19.ndjson.gz", F_OK), 0);
}

/* Also when no other comes, and when they are of an earlier run. */
static void
old_ones_go_without_a_new_one(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);

	(void)state;
	dead_letter_files_expire(l, NOON); /* there is no folder yet */
	put(l, "a", NOON);
	dead_letter_files_expire(l, NOON + 2 * DAY);
	assert_string_equal(content("2026-11-20"), "a|");
	dead_letter_files_expire(l, NOON + 3 * DAY);
	assert_string_equal(content("2026-11-20"), "-");
	put(l, "b", NOON + 3 * DAY);
	dead_letter_files_close(l);
	l = dead_letter_files_open("dead", 2 * DAY);
	dead_letter_files_expire(l, NOON + 6 * DAY);
	assert_string_equal(content("2026-11-23"), "-");
	dead_letter_files_close(l);
}

/* As reaper --forget does it. */
static void
others_may_exchange_a_file(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);
	int fd;

	(void)state;
	put(l, "a", NOON);
	fd = open("dead/2026-11-20.ndjson", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	tmpdir_file("dead/new", "x\n", 2, 0600);
	assert_int_equal(rename("dead/new", "dead/2026-11-20.ndjson"), 0);
	(void)close(fd);
	put(l, "b", NOON + 1);
	assert_string_equal(content("2026-11-20"), "x|b|");
	dead_letter_files_close(l);
}

static void
half_a_letter_goes(void **state)
{
	struct dead_letter_files *l = dead_letter_files_open("dead", 2 * DAY);

	(void)state;
	put(l, "a", NOON);
	dead_letter_files_close(l);
	tmpdir_file("dead/2026-11-20.ndjson", "a\nb", 3, 0600);
	l = dead_letter_files_open("dead", 2 * DAY);
	put(l, "c", NOON);
	dead_letter_files_close(l);
	assert_string_equal(content("2026-11-20"), "a|c|");
}

static void
a_folder_that_cannot_be_is_told(void **state)
{
	struct dead_letter_files *l =
	    dead_letter_files_open("no/such/folder", DAY);
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(dead_letter_files_write(l, "a", 1, NOON, &why), -1);
	assert_non_null(strstr(buf_str(&why), "'no/such/folder'"));
	assert_int_equal(dead_letter_files_flush(l, &why), 0);
	buf_release(&why);
	dead_letter_files_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_day_has_a_file, remove_folder),
		cmocka_unit_test_teardown(a_pipe_is_no_file, remove_folder),
		cmocka_unit_test_teardown(old_ones_go, remove_folder),
		cmocka_unit_test_teardown(
		    old_ones_go_without_a_new_one, remove_folder),
		cmocka_unit_test_teardown(
		    others_may_exchange_a_file, remove_folder),
		cmocka_unit_test_teardown(half_a_letter_goes, remove_folder),
		cmocka_unit_test(a_folder_that_cannot_be_is_told),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
