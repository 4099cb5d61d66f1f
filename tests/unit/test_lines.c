/*
 * Tests of common/lines: the four ends of a line, bounded memory.
 */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/lines.h"
#include "common/stop.h"
#include "common/xalloc.h"

/* What reading the text with a limit of 8 gives: "text|" per line, then a
 * letter for the end. */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "nothing is a clean end", "", "E" },
	{ "whole lines", "a\nbb\n", "a|bb|E" },
	{ "an empty line is a line", "\n\nx\n", "||x|E" },
	{ "a last line without newline was cut", "a\nbb", "a|bb!C" },
	{ "a line of the limit", "12345678\nx\n", "12345678|x|E" },
	{ "one byte above the limit is skipped", "123456789\nx\n", "L|x|E" },
	{ "long and cut", "1234567890", "!C" },
	{ "carriage returns are content", "a\r\n", "a\r|E" },
};

static void
read_all(int fd, struct buf *got)
{
	struct lines l;
	char *line = NULL;
	size_t len = 0;

	lines_init(&l, fd, 8);
	for (;;) {
		switch (lines_next(&l, &line, &len, -1)) {
		case LINE_OK:
			buf_add(got, line, len);
			buf_addc(got, '|');
			break;
		case LINE_TOOLONG:
			buf_adds(got, "L|");
			break;
		case LINE_CUT:
			buf_add(got, line, len);
			buf_adds(got, "!C");
			lines_release(&l);
			return;
		case LINE_END:
			buf_addc(got, 'E');
			lines_release(&l);
			return;
		case LINE_WAIT:
		case LINE_ERROR:
			fail_msg("unexpected status");
		}
	}
}

static void
every_end_is_told_apart(void **state)
{
	struct buf got = BUF_INIT;
	size_t i;
	int fd[2];

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(pipe(fd), 0);
		assert_int_equal(write(fd[1], cases[i].in, strlen(cases[i].in)),
		    (ssize_t)strlen(cases[i].in));
		close(fd[1]);
		buf_clear(&got);
		read_all(fd[0], &got);
		close(fd[0]);
		if (strcmp(buf_str(&got), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name,
			    buf_str(&got), cases[i].want);
	}
	buf_release(&got);
}

static void
a_wait_is_bounded(void **state)
{
	struct lines l;
	char *line;
	size_t len;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	lines_init(&l, fd[0], 100);
	assert_int_equal(lines_next(&l, &line, &len, 1), LINE_WAIT);
	assert_int_equal(write(fd[1], "half", 4), 4);
	assert_int_equal(lines_next(&l, &line, &len, 1), LINE_WAIT);
	assert_int_equal(write(fd[1], "-line\nnext\n", 11), 11);
	assert_int_equal(lines_next(&l, &line, &len, 1), LINE_OK);
	assert_string_equal(line, "half-line");
	assert_int_equal(l.number, 1);
	stop_set(true);
	assert_int_equal(lines_next(&l, &line, &len, -1), LINE_OK);
	assert_int_equal(lines_next(&l, &line, &len, -1), LINE_WAIT);
	stop_set(false);
	lines_release(&l);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_is_told_apart),
		cmocka_unit_test(a_wait_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
