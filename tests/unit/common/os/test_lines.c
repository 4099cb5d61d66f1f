/*
 * Tests of common/os/lines: the four ends of a line, bounded memory.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "common/os/lines.h"
#include "common/os/stop.h"

/* The result of reading the text with a limit of 8: "text|" for each line, then
 * a letter for the end. */
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
	{ "a long one among others", "a\nb\n123456789\nc\nd\n1234567890\n",
	    "a|b|L|c|d|L|E" },
};

/* Adds the lines of a block in the form of read_all(). */
static void
tell_block(const char *block, size_t len, struct buf *got)
{
	const char *end = block + len;

	assert_true(len > 0 && end[-1] == '\n');
	assert_true(end[LINES_BEHIND - 1] < 256);
	for (; block < end; block++)
		buf_addc(got, *block == '\n' ? '|' : *block);
}

static void
read_blocks(int fd, struct buf *got)
{
	enum line_status status;
	struct lines l;
	char *block;
	size_t len;

	lines_init(&l, fd, 8);
	for (;;) {
		status = lines_block(&l, &block, &len, -1);
		if (status == LINE_OK)
			tell_block(block, len, got);
		else if (status == LINE_TOOLONG)
			buf_adds(got, "L|");
		else
			break;
	}
	if (status == LINE_CUT)
		buf_add(got, block, len);
	buf_adds(got, status == LINE_CUT ? "!C" : "E");
	assert_true(status == LINE_CUT || status == LINE_END);
	lines_release(&l);
}

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
check_ends(bool blocks)
{
	struct buf got = BUF_INIT;
	size_t i;
	int fd[2];

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(pipe(fd), 0);
		assert_int_equal(write(fd[1], cases[i].in, strlen(cases[i].in)),
		    (ssize_t)strlen(cases[i].in));
		close(fd[1]);
		buf_clear(&got);
		if (blocks)
			read_blocks(fd[0], &got);
		else
			read_all(fd[0], &got);
		close(fd[0]);
		if (strcmp(buf_str(&got), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name,
			    buf_str(&got), cases[i].want);
	}
	buf_release(&got);
}

static void
every_end_is_told_apart(void **state)
{
	(void)state;
	check_ends(false);
}

static void
blocks_end_as_lines_do(void **state)
{
	(void)state;
	check_ends(true);
}

/* Lines of odd lengths through many buffers: no line is lost or split. */
static void
blocks_hold_whole_lines(void **state)
{
	struct buf text = BUF_INIT;
	FILE *file = tmpfile();
	char *block, *end, *rest;
	struct lines l;
	size_t len, n = 0, i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_addf(&text, "%zu %*s\n", i, (int)(i * 7 % 23), "x");
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	rewind(file);
	lines_init(&l, fileno(file), 100);
	while (lines_block(&l, &block, &len, -1) == LINE_OK) {
		end = block + len;
		assert_int_equal(lines_count(block, len), l.number - n);
		for (; block < end; block = strchr(block, '\n') + 1, n++)
			assert_int_equal(strtoul(block, &rest, 10), n);
	}
	assert_int_equal(n, 100000);
	lines_release(&l);
	fclose(file);
	buf_release(&text);
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
test_lines(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_is_told_apart),
		cmocka_unit_test(blocks_end_as_lines_do),
		cmocka_unit_test(blocks_hold_whole_lines),
		cmocka_unit_test(a_wait_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
