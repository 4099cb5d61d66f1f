/*
 * Test of spool.h: whatever byte of its files is changed, wherever they are
 * cut, whichever is removed or put back from an earlier time: what is not read
 * was told of by number, and what is whole is read; an end that nobody was told
 * of is cut without a word.
 */
#define _DEFAULT_SOURCE /* syscall */

#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <sys/syscall.h>

#include "common/os/file.h"
#include "poller/outbox/spool.h"

#define DIR_NAME "spool"
#define MIB ((uint64_t)1024 * 1024)
#define FILES 3
#define LINES 4 /* in each */
#define MARK "acknowledged"

static const char *const names[FILES + 1] = { "0000000001.ndjson",
	"0000000005.ndjson", "0000000009.ndjson", MARK };

/* The files as they were written. */
static struct buf whole[FILES + 1];

static char *
path_of(const char *name)
{
	return xasprintf(DIR_NAME "/%s", name);
}

static void
put(const char *name, const void *data, size_t len)
{
	char *path = path_of(name);

	tmpdir_file(path, data, len, 0600);
	free(path);
}

static void
get(const char *name, struct buf *b)
{
	char *path = path_of(name);
	int fd = open(path, O_RDONLY);

	buf_clear(b);
	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, b), 0);
	(void)close(fd);
	free(path);
}

static bool
is_there(const char *name)
{
	char *path = path_of(name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static struct spool *
open_it(void)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct spool *b = spool_open(DIR_NAME, &spool_spool, MIB, &code, &why);

	if (b == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return b;
}

static void
add_line(struct spool *b, unsigned n)
{
	char line[64];
	int len = snprintf(line, sizeof line, "{\"line\":%u}\n", n);

	assert_int_equal(spool_add(b, line, (size_t)len, NULL), 0);
}

/* A file a run, each synced twice. */
static void
make_files(void)
{
	struct spool *b;
	unsigned i, n = 0;

	for (i = 0; i < FILES; i++) {
		b = open_it();
		do {
			add_line(b, ++n);
			if (n % 2 == 0)
				assert_int_equal(spool_sync(b, NULL), 0);
		} while (n % LINES != 0);
		spool_close(b);
	}
	for (i = 0; i <= FILES; i++)
		get(names[i], &whole[i]);
}

static void
put_all(void)
{
	size_t i;

	tmpdir_empty(DIR_NAME);
	for (i = 0; i <= FILES; i++)
		put(names[i], whole[i].data, whole[i].len);
}

/* How often each line is read, and that there are no others. */
static unsigned
read_lines(struct spool *b, unsigned times[FILES * LINES + 2])
{
	const char *lines, *p;
	unsigned n = 0, number;
	size_t len;
	int got;

	memset(times, 0, (FILES * LINES + 2) * sizeof times[0]);
	while ((got = spool_next(b, &lines, &len, 100, NULL)) > 0) {
		for (p = lines; p < lines + len; p = strchr(p, '\n') + 1) {
			number = 0;
			assert_memory_equal(p, "{\"line\":", 8);
			number = (unsigned)strtoul(p + 8, NULL, 10);
			assert_in_range(number, 1, FILES * LINES + 1);
			times[number]++;
			n++;
		}
	}
	assert_int_equal(got, 0);
	return n;
}

/* What is lost is told by its number, once; what follows is as ever. The
 * number of lines that are lost. */
static unsigned
check(const char *what)
{
	unsigned times[FILES * LINES + 2], n, i, lost;
	char said[4096], want[128];
	int saved = tmpdir_catch_stderr();
	struct spool *b = open_it();
	const char *line = said;

	tmpdir_stderr(saved, said, sizeof said);
	n = read_lines(b, times);
	for (i = 1; i <= FILES * LINES; i++)
		if (times[i] > 1)
			fail_msg(
			    "%s: line %u comes %u times", what, i, times[i]);
	assert_true(n <= FILES * LINES);
	lost = FILES * LINES - n;
	assert_int_equal(spool_lines(b), n);
	(void)snprintf(want, sizeof want, " lacks %u records ", lost);
	if (lost > 0 && strstr(line, want) == NULL)
		fail_msg(
		    "%s: %u lines are lost, it says: %s", what, lost, said);
	if (lost > 0 && !spool_is_damaged(b))
		fail_msg("%s: not damaged", what);
	if (spool_is_damaged(b) == (said[0] == '\0'))
		fail_msg("%s: it says: %s", what, said);
	if (said[0] == '\0') {
		spool_close(b);
		return lost;
	}
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	spool_clear(b);
	add_line(b, FILES * LINES + 1);
	assert_int_equal(spool_sync(b, NULL), 0);
	spool_close(b);
	/* It is told once. */
	b = open_it();
	if (spool_is_damaged(b))
		fail_msg("%s: still damaged", what);
	assert_int_equal(read_lines(b, times), 1);
	spool_close(b);
	return lost;
}

static bool
is_any_aside(void)
{
	DIR *d = opendir(DIR_NAME);
	struct dirent *e;
	bool found = false;

	while ((e = readdir(d)) != NULL)
		found |= strstr(e->d_name, ".damaged") != NULL;
	(void)closedir(d);
	return found;
}

/* Every byte of the files, and some of the mark, which is mostly blanks. */
static size_t
step(size_t f)
{
	return f < FILES ? 1 : 7;
}

static void
any_byte_changed(void **state)
{
	static const char changes[] = { 1, 2, 4, 8, 16, 32, 64, (char)0x80 };
	struct buf b = BUF_INIT;
	unsigned lost, most = 0, all = 0;
	char what[64];
	size_t f, at, i;

	(void)state;
	for (f = 0; f <= FILES; f++) {
		for (at = 0; at < whole[f].len; at += step(f)) {
			i = at % sizeof changes;
			put_all();
			buf_clear(&b);
			buf_add(&b, whole[f].data, whole[f].len);
			b.data[at] ^= changes[i];
			put(names[f], b.data, b.len);
			(void)snprintf(
			    what, sizeof what, "%s at %zu", names[f], at);
			lost = check(what);
			/* A newline that is gone costs two. */
			assert_true(lost <= (f < FILES ? 2 : 0));
			assert_int_equal(is_any_aside(), lost > 0);
			most = lost > most ? lost : most;
			all += lost;
		}
	}
	assert_int_equal(most, 2);
	assert_true(all > whole[1].len);
	buf_release(&b);
}

static void
any_cut(void **state)
{
	char what[64];
	unsigned lost;
	size_t f, len;

	(void)state;
	for (f = 0; f <= FILES; f++) {
		for (len = 0; len < whole[f].len; len += step(f)) {
			put_all();
			put(names[f], whole[f].data, len);
			(void)snprintf(
			    what, sizeof what, "%s cut to %zu", names[f], len);
			lost = check(what);
			assert_int_equal(lost > 0, f < FILES);
			assert_true(lost <= LINES);
		}
	}
}

static void
any_zeros(void **state)
{
	struct buf b = BUF_INIT;
	size_t f, at;

	(void)state;
	for (f = 0; f <= FILES; f++) {
		for (at = 0; at + 16 < whole[f].len; at += step(f)) {
			put_all();
			buf_clear(&b);
			buf_add(&b, whole[f].data, whole[f].len);
			memset(b.data + at, 0, 16);
			put(names[f], b.data, b.len);
			assert_int_equal(check(names[f]) > 0, f < FILES);
		}
	}
	put_all();
	memset(b.data, 0, b.len);
	put(MARK, b.data, b.len);
	assert_int_equal(check("a mark of zeros"), 0);
	buf_release(&b);
}

static void
any_file_removed(void **state)
{
	size_t f;
	char *path;

	(void)state;
	for (f = 0; f <= FILES; f++) {
		put_all();
		path = path_of(names[f]);
		assert_int_equal(unlink(path), 0);
		free(path);
		assert_int_equal(check(names[f]), f < FILES ? LINES : 0);
	}
	put_all();
	for (f = 0; f < FILES; f++) {
		path = path_of(names[f]);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_int_equal(check("all files"), FILES * LINES);
}

/* Lines that stand elsewhere in their file are read. */
static void
lines_out_of_order(void **state)
{
	struct buf b = BUF_INIT;
	const char *second = strchr(whole[1].data, '\n') + 1;
	size_t first = (size_t)(second - whole[1].data);

	(void)state;
	put_all();
	buf_add(&b, second, whole[1].len - first);
	buf_add(&b, whole[1].data, first);
	buf_add(&b, whole[1].data, first);
	put(names[1], b.data, b.len);
	assert_int_equal(check("exchanged"), 0);
	assert_false(is_any_aside());
	/* Those of another file are that one's. */
	put_all();
	put(names[0], whole[2].data, whole[2].len);
	assert_int_equal(check("another file's"), LINES);
	buf_release(&b);
}

/* The last line of the last file, in part, which nobody was told of. */
static void
torn_ends(void **state)
{
	struct buf b = BUF_INIT, longer = BUF_INIT;
	struct spool *bl;
	size_t len, i;
	char said[256];
	int saved;

	(void)state;
	put_all();
	bl = open_it();
	add_line(bl, FILES * LINES + 1);
	spool_close(bl); /* not synced, so the file went with it */
	buf_add(&b, whole[2].data, whole[2].len);
	buf_adds(&b, "{\"n\":13,\"sum\":\"0123456789abcdef\",\"record\":{");
	for (i = 0; i < 10000; i++)
		buf_addc(&b, i % 100 == 99 ? '\0' : 'x');
	for (len = whole[2].len + 1; len < b.len; len += len < 600 ? 1 : 499) {
		put_all();
		put(names[2], b.data, len);
		saved = tmpdir_catch_stderr();
		bl = open_it();
		tmpdir_stderr(saved, said, sizeof said);
		assert_string_equal(said, "");
		assert_false(spool_is_damaged(bl));
		spool_close(bl);
		get(names[2], &longer);
		assert_int_equal(longer.len, whole[2].len);
		assert_int_equal(check("torn"), 0);
	}
	buf_release(&b);
	buf_release(&longer);
}

/* What was published may come again, and nothing else is said to be lost. */
static void
files_and_marks_of_earlier_times(void **state)
{
	unsigned times[FILES * LINES + 2];
	struct buf mark = BUF_INIT;
	struct spool *b;
	char said[256];
	int saved;

	(void)state;
	put_all();
	b = open_it();
	assert_int_equal(read_lines(b, times), FILES * LINES);
	spool_clear(b);
	add_line(b, FILES * LINES + 1);
	assert_int_equal(spool_sync(b, NULL), 0);
	spool_close(b);
	put(names[1], whole[1].data, whole[1].len);
	b = open_it();
	assert_false(spool_is_damaged(b));
	assert_int_equal(read_lines(b, times), LINES + 1);
	assert_int_equal(times[FILES * LINES + 1], 1);
	spool_clear(b);
	spool_close(b);
	/* A mark of then knows of lines that are not there. */
	put(MARK, whole[FILES].data, whole[FILES].len);
	saved = tmpdir_catch_stderr();
	b = open_it();
	tmpdir_stderr(saved, said, sizeof said);
	assert_true(spool_is_damaged(b));
	assert_non_null(strstr(said, " lacks 12 records "));
	spool_close(b);
	buf_release(&mark);
}

static void
files_and_marks_that_are_empty(void **state)
{
	unsigned times[FILES * LINES + 2];
	char said[512];
	size_t i;
	int saved;
	struct spool *b;

	(void)state;
	tmpdir_empty(DIR_NAME);
	for (i = 0; i <= FILES; i++)
		put(names[i], "", 0);
	saved = tmpdir_catch_stderr();
	b = open_it();
	tmpdir_stderr(saved, said, sizeof said);
	assert_int_equal(read_lines(b, times), 0);
	/* Whether the last file had lines is not known. */
	assert_non_null(strstr(said, " lacks 8 records "));
	assert_non_null(strstr(said, "(numbers 1 to 8, perhaps more, as "));
	spool_close(b);
}

static void
files_of_an_earlier_version(void **state)
{
	static const char text[] = "{\"type\":\"event\",\"tenant\":\"a\"}\n";
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	(void)state;
	tmpdir_empty(DIR_NAME);
	put(names[0], text, sizeof text - 1);
	assert_null(spool_open(DIR_NAME, &spool_spool, MIB, &code, &why));
	assert_int_equal(code, PROG_CONFIG);
	assert_non_null(strstr(buf_str(&why), "earlier version"));
	assert_true(is_there(names[0]));
	buf_release(&why);
}

static int
enter(void **state)
{
	int rc;

	/* Thousands of files are synced: in memory, where there is one. */
	if (access("/dev/shm", W_OK) == 0)
		assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
	rc = tmpdir_enter(state);
	make_files();
	return rc;
}

static int
leave(void **state)
{
	size_t i;

	for (i = 0; i <= FILES; i++)
		buf_release(&whole[i]);
	tmpdir_empty(DIR_NAME);
	(void)rmdir(DIR_NAME);
	return tmpdir_leave(state);
}

/* The mark as it would be after a loss of power: as it was synced last. */
static struct buf mark_on_disk;

/* In place of the C library's. */
int
fdatasync(int fd)
{
	if (file_is_at(fd, DIR_NAME "/" MARK, false) == 0)
		get(MARK, &mark_on_disk);
	return (int)syscall(SYS_fdatasync, fd);
}

static void
lose_power(void)
{
	put(MARK, mark_on_disk.data, mark_on_disk.len);
}

static void
assert_nothing_is_missed(void)
{
	struct spool *b = open_it();

	assert_false(spool_is_damaged(b));
	spool_close(b);
}

/* The files of what was published are gone, and the mark must know that. */
static void
power_lost_after_publishing(void **state)
{
	unsigned file, line, n = 0;
	const char *lines;
	struct spool *b;
	size_t len;

	(void)state;
	tmpdir_empty(DIR_NAME);
	for (file = 0; file < 2; file++) {
		b = open_it();
		if (file == 0) /* it was just made, and synced */
			get(MARK, &mark_on_disk);
		for (line = 0; line < LINES; line++)
			add_line(b, ++n);
		assert_int_equal(spool_sync(b, NULL), 0);
		spool_close(b);
	}
	b = open_it();
	while (is_there(names[0])) {
		assert_int_equal(spool_next(b, &lines, &len, 1, NULL), 1);
		spool_confirm(b);
	}
	spool_close(b);
	lose_power();
	assert_nothing_is_missed();
	b = open_it();
	while (spool_next(b, &lines, &len, 1, NULL) == 1)
		spool_confirm(b);
	spool_clear(b);
	spool_close(b);
	assert_false(is_there(names[1]));
	lose_power();
	assert_nothing_is_missed();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_byte_changed),
		cmocka_unit_test(any_cut),
		cmocka_unit_test(any_zeros),
		cmocka_unit_test(any_file_removed),
		cmocka_unit_test(lines_out_of_order),
		cmocka_unit_test(torn_ends),
		cmocka_unit_test(files_and_marks_of_earlier_times),
		cmocka_unit_test(files_and_marks_that_are_empty),
		cmocka_unit_test(files_of_an_earlier_version),
		cmocka_unit_test(power_lost_after_publishing),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
