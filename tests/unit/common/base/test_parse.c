/*
 * Tests of common/base/parse: whole values or nothing.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"

#define BAD INT64_MIN

static void
durations(void **state)
{
	static const struct {
		const char *in;
		int64_t want;
	} cases[] = {
		{ "5", 5000 },
		{ "250ms", 250 },
		{ "10m", 600000 },
		{ "2h", 7200000 },
		{ "7d", 604800000 },
		{ "0", 0 },
		{ "", BAD },
		{ "5 s", BAD },
		{ "-5s", BAD },
		{ "5w", BAD },
		{ "99999999999999999999", BAD },
		{ "9223372036854775807d", BAD },
	};
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		got = BAD;
		if (parse_duration(cases[i].in, &got) == -1)
			assert_int_equal(got, BAD);
		if (got != cases[i].want)
			fail_msg("'%s'", cases[i].in);
	}
}

static void
sizes_integers_booleans(void **state)
{
	uint64_t size = 7;
	int64_t n = 7;
	bool b = false;

	(void)state;
	assert_int_equal(parse_size("64k", &size), 0);
	assert_int_equal(size, 65536);
	assert_int_equal(parse_size("0", &size), -1);
	assert_int_equal(parse_size("1T", &size), -1);
	assert_int_equal(parse_int("-12", -20, 0, &n), 0);
	assert_int_equal(n, -12);
	assert_int_equal(parse_int("-21", -20, 0, &n), -1);
	assert_int_equal(parse_int("1x", 0, 9, &n), -1);
	assert_int_equal(parse_int("", 0, 9, &n), -1);
	assert_int_equal(parse_int("-", -9, 9, &n), -1);
	assert_int_equal(parse_bool("yes", &b), 0);
	assert_true(b);
	assert_int_equal(parse_bool("0", &b), 0);
	assert_false(b);
	assert_int_equal(parse_bool("Yes", &b), -1);
}

static void
names(void **state)
{
	(void)state;
	assert_true(parse_is_name("acme-2.test_x", 64));
	assert_false(parse_is_name("", 64));
	assert_false(parse_is_name("../x", 64));
	assert_false(parse_is_name(".x", 64));
	assert_false(parse_is_name("-x", 64));
	assert_false(parse_is_name("a b", 64));
	assert_false(parse_is_name("abcde", 4));
}

static void
utf8_as_rfc_3629_has_it(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} cases[] = {
		{ "plain and long enough for a word", true },
		{ "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", true },
		{ "\xF4\x8F\xBF\xBF", true },
		{ "\x80", false },
		{ "\xC0\xAF", false },         /* overlong */
		{ "\xE0\x80\xAF", false },     /* overlong */
		{ "\xED\xA0\x80", false },     /* surrogate */
		{ "\xF4\x90\x80\x80", false }, /* above U+10FFFF */
		{ "\xF5\x80\x80\x80", false },
		{ "12345678\xE2\x82", false }, /* cut */
		{ "\xFF", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		if (parse_is_utf8(cases[i].in, strlen(cases[i].in)) !=
		    cases[i].want)
			fail_msg("case %zu", i);
	assert_true(parse_is_utf8("a\0b", 3));
}

static void
marks_at_the_beginning_of_a_file(void **state)
{
	(void)state;
	assert_int_equal(parse_utf8_mark("\xEF\xBB\xBF", 3), 3);
	assert_int_equal(parse_utf8_mark("\xEF\xBB\xBF", 2), 0);
	assert_int_equal(parse_utf8_mark("\xEF\xBB{}", 4), 0);
	assert_true(parse_is_utf16("\xFF\xFE", 2));
	assert_true(parse_is_utf16("\xFE\xFF\0x", 4));
	assert_false(parse_is_utf16("\xFF\xFE", 1));
	assert_false(parse_is_utf16("{}", 2));
}

int
test_parse(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes_integers_booleans),
		cmocka_unit_test(names),
		cmocka_unit_test(utf8_as_rfc_3629_has_it),
		cmocka_unit_test(marks_at_the_beginning_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
