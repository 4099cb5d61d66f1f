/*
 * Tests of common/output/output_table: tables and CSV.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/output/output_table.h"

static const struct output_column columns[] = {
	{ "name", OUTPUT_TEXT },
	{ "chats", OUTPUT_NUMBER },
	{ "note", OUTPUT_TEXT },
};

static void
formats_have_names(void **state)
{
	enum output_format f = OUTPUT_AUTO;

	(void)state;
	assert_int_equal(output_format_parse("table", &f), 0);
	assert_int_equal(f, OUTPUT_TABLE);
	assert_int_equal(output_format_parse("ndjson", &f), 0);
	assert_int_equal(f, OUTPUT_NDJSON);
	assert_int_equal(output_format_parse("csv", &f), 0);
	assert_int_equal(f, OUTPUT_CSV);
	assert_int_equal(output_format_parse("json", &f), -1);
	assert_int_equal(output_format_parse("", &f), -1);
	assert_int_equal(output_format_resolve(OUTPUT_CSV), OUTPUT_CSV);
}

static void
check(
    const char *const *cells, size_t n, enum output_format f, const char *want)
{
	struct output_table t;
	struct buf got = BUF_INIT;
	size_t i;

	output_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < n; i++)
		output_table_cell(&t, cells[i]);
	output_table_show(&t, f, &got);
	assert_string_equal(buf_str(&got), want);
	output_table_release(&t);
	buf_release(&got);
}

static void
tables_line_up_without_trailing_blanks(void **state)
{
	static const char *const cells[] = {
		"Ann", "3", "x",          /* */
		"Bertram", "12", NULL,    /* */
		"\xc3\x85sa", NULL, "",   /* 3 characters in 4 bytes */
		"\xe6\x9d\x8e", "0", "y", /* one that is two columns wide */
		"e\xcc\x81", "0", "y",    /* an accent of its own */
		"\xe0\xb8\x81\xe0\xb8\xb1", "0", "y", /* a Thai vowel above */
	};

	(void)state;
	check(cells, ARRAY_LEN(cells), OUTPUT_TABLE,
	    "name     chats  note\n"
	    "Ann          3  x\n"
	    "Bertram     12  -\n"
	    "\xc3\x85sa          -\n"
	    "\xe6\x9d\x8e           0  y\n"
	    "e\xcc\x81            0  y\n"
	    "\xe0\xb8\x81\xe0\xb8\xb1            0  y\n");
	check(NULL, 0, OUTPUT_TABLE, "name  chats  note\n");
}

static void
nothing_reaches_the_terminal_unmasked(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "a\033[2Jb", "a\\x1b[2Jb" },
		{ "a\nb\tc", "a\\x0ab\\x09c" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x9b", "\\xc2\\x9b" },          /* C1 */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* right-to-left */
		{ "\xff", "\\xff" },
		{ "\xc3", "\\xc3" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};
	static const struct output_column one[] = { { "t", OUTPUT_TEXT } };
	struct output_table t;
	struct buf got = BUF_INIT, want = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		output_table_init(&t, one, 1);
		output_table_cell(&t, cases[i].in);
		buf_clear(&got);
		output_table_show(&t, OUTPUT_TABLE, &got);
		buf_setf(&want, "t\n%s\n", cases[i].want);
		assert_string_equal(buf_str(&got), buf_str(&want));
		output_table_release(&t);
	}
	buf_release(&got);
	buf_release(&want);
}

static void
long_cells_are_cut_in_tables_only(void **state)
{
	static const struct output_column two[] = { { "t", OUTPUT_TEXT },
		{ "u", OUTPUT_TEXT } };
	char big[1001];
	struct output_table t;
	struct buf got = BUF_INIT;

	(void)state;
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	output_table_init(&t, two, 2);
	output_table_cell(&t, big);
	output_table_cell(&t, "b");
	output_table_show(&t, OUTPUT_TABLE, &got);
	assert_true(got.len < 140);
	assert_non_null(strstr(buf_str(&got), "a\xe2\x80\xa6  b\n"));
	buf_clear(&got);
	output_table_show(&t, OUTPUT_CSV, &got);
	assert_int_equal(got.len, 5 + 1000 + 4);
	/* The last cell of a row pushes nothing off the screen. */
	output_table_cell(&t, "b");
	output_table_cell(&t, big);
	buf_clear(&got);
	output_table_show(&t, OUTPUT_TABLE, &got);
	assert_true(got.len > 1000);
	output_table_release(&t);
	buf_release(&got);
}

static void
names_are_cut_at_24_columns_and_numbers_never(void **state)
{
	static const struct output_column two[] = { { "t", OUTPUT_NAME },
		{ "n", OUTPUT_NUMBER } };
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "123456789012345678901234", "123456789012345678901234" },
		{ "1234567890123456789012345", "12345678901234567890123…" },
		/* Two columns each. */
		{ "１２３４５６７８９０"
		  "１２３",
		    "１２３４５６７８９０"
		    "１…" },
	};
	char digits[101];
	struct output_table t;
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	memset(digits, '1', sizeof digits - 1);
	digits[sizeof digits - 1] = '\0';
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		output_table_init(&t, two, 2);
		output_table_cell(&t, cases[i].name);
		output_table_cell(&t, "1");
		output_table_cell(&t, "123456789012345678901234");
		output_table_cell(&t, digits);
		buf_clear(&got);
		output_table_show(&t, OUTPUT_TABLE, &got);
		assert_non_null(strstr(buf_str(&got), digits));
		assert_int_equal(strncmp(strchr(buf_str(&got), '\n') + 1,
				     cases[i].want, strlen(cases[i].want)),
		    0);
		output_table_release(&t);
	}
	buf_release(&got);
}

static void
columns_that_do_not_fit_are_named(void **state)
{
	static const struct output_column four[] = { { "WHO", OUTPUT_NAME },
		{ "OPEN", OUTPUT_NUMBER }, { "P90", OUTPUT_NUMBER },
		{ "FIRST", OUTPUT_NUMBER } };
	static const struct {
		size_t width;
		const char *want;
	} cases[] = {
		{ 24, "WHO  OPEN    P90  FIRST\nAnn     3  1m33s   452s\n" },
		{ 23, "WHO  OPEN    P90  FIRST\nAnn     3  1m33s   452s\n" },
		{ 22, "WHO  OPEN    P90\nAnn     3  1m33s\n"
		      "not shown at 22\ncolumns: FIRST\n" },
		{ 16, "WHO  OPEN    P90\nAnn     3  1m33s\n"
		      "not shown at 16\ncolumns: FIRST\n" },
		{ 15, "WHO  OPEN\nAnn     3\n"
		      "not shown at 15\ncolumns: P90,\nFIRST\n" },
		{ 1, "WHO\nAnn\n"
		     "not\nshown\nat\n1\ncolumns:\nOPEN,\nP90,\nFIRST\n" },
	};
	struct output_table t;
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	output_table_init(&t, four, ARRAY_LEN(four));
	output_table_cell(&t, "Ann");
	output_table_cell(&t, "3");
	output_table_cell(&t, "1m33s");
	output_table_cell(&t, "452s");
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		t.width = cases[i].width;
		buf_clear(&got);
		output_table_show(&t, OUTPUT_TABLE, &got);
		assert_string_equal(buf_str(&got), cases[i].want);
	}
	output_table_release(&t);
	buf_release(&got);
}

static void
csv_quotes_and_defuses(void **state)
{
	static const char *const cells[] = {
		"a,b", "1", "say \"hi\"",    /* */
		"=SUM(A1)", "-5", "+x",      /* numbers stay numbers */
		"@x", NULL, "",              /* absent is not empty */
		"two\nlines", "0.500", "-",  /* */
		"\tx", "7", "plain",         /* */
		"\n=1", "7", "\r\n=1",       /* */
		"a\rb", "7", "a\r\n\r\n\"b", /* */
		"＝1", "8", "＋1",           /* */
		"－1", "9", "＠x",           /* */
		"！x", "10", "x＝1",         /* no formula */
	};

	(void)state;
	check(cells, ARRAY_LEN(cells), OUTPUT_CSV,
	    "name,chats,note\r\n"
	    "\"a,b\",1,\"say \"\"hi\"\"\"\r\n"
	    "'=SUM(A1),-5,'+x\r\n"
	    "'@x,,\"\"\r\n"
	    "\"two\nlines\",0.500,'-\r\n"
	    "'\tx,7,plain\r\n"
	    "\"'\n=1\",7,\"'\r\n=1\"\r\n"
	    "\"a\rb\",7,\"a\r\n\r\n\"\"b\"\r\n"
	    "'＝1,8,'＋1\r\n"
	    "'－1,9,'＠x\r\n"
	    "！x,10,x＝1\r\n");
}

int
test_output_table(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_have_names),
		cmocka_unit_test(tables_line_up_without_trailing_blanks),
		cmocka_unit_test(nothing_reaches_the_terminal_unmasked),
		cmocka_unit_test(long_cells_are_cut_in_tables_only),
		cmocka_unit_test(names_are_cut_at_24_columns_and_numbers_never),
		cmocka_unit_test(columns_that_do_not_fit_are_named),
		cmocka_unit_test(csv_quotes_and_defuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
