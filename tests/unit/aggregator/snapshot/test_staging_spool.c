/*
 * Tests of aggregator/snapshot/staging_spool: what was appended is read back, a
 * torn end is cut off at any byte, damage is refused.
 */
#include "tests/unit/tmpdir.h"

#include "common/base/buf.h"

#include "aggregator/snapshot/staging_spool.h"

#define PATH "acme.spool"

/* Everything as text: "line|" each, "[id/number]" after a piece. */
static int
hear_line(void *ctx, char *line, size_t len)
{
	buf_add(ctx, line, len);
	buf_addc(ctx, '|');
	return 0;
}

static void
hear_piece(void *ctx, const char *id, uint64_t line)
{
	buf_addf(ctx, "[%s/%d]", id, (int)line);
}

static int
read_back(struct buf *got, struct buf *why)
{
	struct staging_spool_reader r = {
		.ctx = got, .line = hear_line, .piece = hear_piece
	};

	buf_clear(got);
	buf_clear(why);
	return staging_spool_read(PATH, &r, why);
}

static void
append(const char *id, uint64_t number, const char *lines)
{
	struct buf pieces = BUF_INIT, why = BUF_INIT;

	staging_spool_piece(&pieces, id, number, lines, strlen(lines));
	if (staging_spool_append(PATH, &pieces, &why) == -1)
		fail_msg("%s", buf_str(&why));
	buf_release(&pieces);
}

static int
remove_spool(void **state)
{
	(void)state;
	(void)unlink(PATH);
	return 0;
}

static void
what_was_appended_is_read_back(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;

	(void)state;
	assert_int_equal(read_back(&got, &why), 0);
	append("m1", 2, "one\ntwo\n");
	append(NULL, 0, "three\n");
	append("an id", 7, "\xff\n\n");
	assert_int_equal(read_back(&got, &why), 1);
	assert_string_equal(
	    buf_str(&got), "one|two|[m1/2]three|[/0]\xff||[an id/7]");
	buf_release(&got);
	buf_release(&why);
}

static size_t
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(PATH, &st), 0);
	return (size_t)st.st_size;
}

static void
a_torn_end_is_cut_off_at_any_byte(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	size_t first, n, whole;

	(void)state;
	append("m1", 1, "one\n");
	first = file_size();
	append("m2", 1, "two\n");
	whole = file_size();
	for (n = whole; n-- > 0;) {
		remove_spool(NULL);
		append("m1", 1, "one\n");
		append("m2", 1, "two\n");
		assert_int_equal(truncate(PATH, (off_t)n), 0);
		if (read_back(&got, &why) != (n >= first))
			fail_msg("%zu bytes: %s", n, buf_str(&why));
		assert_string_equal(
		    buf_str(&got), n >= first ? "one|[m1/1]" : "");
		/* And what comes next follows what was left. */
		append("m2", 1, "two\n");
		assert_int_equal(read_back(&got, &why), 1);
		assert_string_equal(buf_str(&got),
		    n >= first ? "one|[m1/1]two|[m2/1]" : "two|[m2/1]");
	}
	buf_release(&got);
	buf_release(&why);
}

/* The longest that a broker takes. */
static void
a_torn_long_id_is_cut_off(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	char id[256];
	size_t first;

	(void)state;
	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	append("m1", 1, "one\n");
	first = file_size();
	append(id, UINT64_MAX, "two\n");
	assert_int_equal(truncate(PATH, (off_t)file_size() - 5), 0);
	assert_int_equal(read_back(&got, &why), 1);
	assert_string_equal(buf_str(&got), "one|[m1/1]");
	assert_int_equal(file_size(), first);
	buf_release(&got);
	buf_release(&why);
}

static void
flip(size_t at)
{
	int fd = open(PATH, O_RDWR);
	char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	assert_int_equal(close(fd), 0);
}

/* In the middle it is damage. At the very end it is a piece whose bytes did
 * not reach the disk, and which was never acknowledged. */
static void
damage_is_refused(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	size_t i, first;

	(void)state;
	append("m1", 1, "one\n");
	first = file_size();
	append("m2", 1, "two\n");
	for (i = 0; i < first; i++) {
		flip(i);
		if (read_back(&got, &why) != -1)
			fail_msg("byte %zu: %s", i, buf_str(&got));
		remove_spool(NULL);
		append("m1", 1, "one\n");
		append("m2", 1, "two\n");
	}
	flip(0);
	assert_int_equal(read_back(&got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "is no spool"));
	flip(0);
	flip(strlen("messaging-spool "));
	assert_int_equal(read_back(&got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "another version"));
	flip(strlen("messaging-spool "));
	flip(first - 2);
	assert_int_equal(read_back(&got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "damaged at byte"));
	flip(first - 2);
	flip(file_size() - 2);
	assert_int_equal(read_back(&got, &why), 1);
	assert_string_equal(buf_str(&got), "one|[m1/1]");
	buf_release(&got);
	buf_release(&why);
}

/* A length that reaches behind the end is damage when pieces follow. */
static void
a_wrong_length_in_the_middle_is_refused(void **state)
{
	struct buf got = BUF_INIT, why = BUF_INIT;
	size_t at = strlen("messaging-spool 1\n@ 1 "), size;
	char digit = '9';
	int fd;

	(void)state;
	append("m1", 1, "line one\nline\n");
	append("m2", 1, "two\n");
	size = file_size();
	fd = open(PATH, O_RDWR);
	assert_int_equal(pwrite(fd, &digit, 1, (off_t)at), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(read_back(&got, &why), -1);
	assert_non_null(strstr(buf_str(&why), "damaged at byte 18; remove"));
	assert_int_equal(file_size(), size);
	buf_release(&got);
	buf_release(&why);
}

static void
a_folder_that_is_not_there_is_told(void **state)
{
	struct buf pieces = BUF_INIT, why = BUF_INIT;

	(void)state;
	staging_spool_piece(&pieces, "m", 1, "x\n", 2);
	assert_int_equal(staging_spool_append("no/such", &pieces, &why), -1);
	assert_non_null(strstr(buf_str(&why), "cannot write 'no/such'"));
	buf_release(&pieces);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_was_appended_is_read_back, remove_spool),
		cmocka_unit_test_setup(
		    a_torn_end_is_cut_off_at_any_byte, remove_spool),
		cmocka_unit_test_setup(a_torn_long_id_is_cut_off, remove_spool),
		cmocka_unit_test_setup(damage_is_refused, remove_spool),
		cmocka_unit_test_setup(
		    a_wrong_length_in_the_middle_is_refused, remove_spool),
		cmocka_unit_test_setup(
		    a_folder_that_is_not_there_is_told, remove_spool),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
