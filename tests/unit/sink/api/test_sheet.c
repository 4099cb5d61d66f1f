/*
 * Tests of sink/answer/sheet: every form has the same cells.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/api/sheet.h"

static const struct sheet_column columns[] = {
	{ "name", SHEET_TEXT },
	{ "at", SHEET_TIME },
	{ "seconds", SHEET_NUMBER },
	{ "open", SHEET_FLAG },
};

static void
check_form(enum sheet_format format, size_t rows, const char *want)
{
	struct buf to = BUF_INIT;
	struct sheet s;

	sheet_begin(&s, &to, format, columns, ARRAY_LEN(columns));
	if (rows > 0) {
		sheet_text(&s, "=a \"b\", c");
		sheet_time(&s, 1500);
		sheet_seconds(&s, -1500);
		sheet_text(&s, "1");
	}
	if (rows > 1) {
		sheet_text(&s, NULL);
		sheet_time(&s, CLOCK_NONE);
		sheet_int(&s, INT64_MIN);
		sheet_text(&s, "0");
	}
	sheet_end(&s);
	assert_string_equal(buf_str(&to), want);
	buf_release(&to);
}

static void
rows_have_three_forms(void **state)
{
	(void)state;
	check_form(SHEET_JSON, 2,
	    "[{\"name\":\"=a \\\"b\\\", "
	    "c\",\"at\":\"1970-01-01T00:00:01.500Z\","
	    "\"seconds\":-1.500,\"open\":true},"
	    "{\"name\":null,\"at\":null,\"seconds\":null,\"open\":false}]");
	check_form(SHEET_NDJSON, 1,
	    "{\"name\":\"=a \\\"b\\\", c\",\"at\":\"1970-01-01T00:00:01.500Z\","
	    "\"seconds\":-1.500,\"open\":true}\n");
	check_form(SHEET_CSV, 2,
	    "name,at,seconds,open\r\n"
	    "\"'=a \"\"b\"\", c\",1970-01-01T00:00:01.500Z,-1.500,true\r\n"
	    ",,,false\r\n");
}

static void
no_rows_are_an_empty_list(void **state)
{
	(void)state;
	check_form(SHEET_JSON, 0, "[]");
	check_form(SHEET_NDJSON, 0, "");
	check_form(SHEET_CSV, 0, "name,at,seconds,open\r\n");
}

int
test_sheet(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_three_forms),
		cmocka_unit_test(no_rows_are_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
