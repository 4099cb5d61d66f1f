/*
 * Tests of json_shorten: where strings are cut, and that JSON stays JSON.
 */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <string.h>

#include "common/text/json_read.h"

static void
check(const char *text, size_t most, const char *want)
{
	struct buf got = BUF_INIT;

	json_shorten(text, strlen(text), most, &got);
	if (strcmp(buf_str(&got), want) != 0)
		fail_msg("%s, at most %zu: %s, not %s", text, most,
		    buf_str(&got), want);
	buf_release(&got);
}

static void
strings_are_cut_between_characters(void **state)
{
	(void)state;
	check("", 3, "");
	check("{\"a\":[1,null,\"bcd\"]}", 3, "{\"a\":[1,null,\"bcd\"]}");
	check("{\"a\":[1,null,\"bcde\"]}", 3, "{\"a\":[1,null,\"bcd\"]}");
	check("[\"abcdef\",\"\",\"ghijk\"]", 2, "[\"ab\",\"\",\"gh\"]");
	/* A quote and a backslash that are written in a string. */
	check("[\"a\\\"bc\",1]", 3, "[\"a\\\"\",1]");
	check("[\"a\\\"bc\",1]", 2, "[\"a\",1]");
	check("[\"ab\\\\\",1]", 4, "[\"ab\\\\\",1]");
	check("[\"ab\\\\\",1]", 3, "[\"ab\",1]");
	check("[\"\\u00e9x\"]", 6, "[\"\\u00e9\"]");
	check("[\"\\u00e9x\"]", 5, "[\"\"]");
	check("[\"\\ud83d\\ude00x\"]", 12, "[\"\\ud83d\\ude00\"]");
	check("[\"\\uD83D\\uDE00x\"]", 11, "[\"\"]");
	/* A half of a pair that stands alone. */
	check("[\"\\ud83dabcde\\nxyz\",1]", 12, "[\"\\ud83dabcde\",1]");
	check("[\"\\ud83d\\nxyz\",1]", 7, "[\"\\ud83d\",1]");
	check("[\"\xc3\xa9\xc3\xa9\"]", 3, "[\"\xc3\xa9\"]");
	check("[\"\xf0\x9f\x98\x80x\"]", 3, "[\"\"]");
}

static void
what_is_no_json_stays_so(void **state)
{
	(void)state;
	check("[\"abcdef", 3, "[\"abc");
	check("[\"ab\\", 2, "[\"ab");
	check("[\"ab\\", 9, "[\"ab\\");
	check("[\"\\u0", 9, "[\"\\u0");
	check("\"", 1, "\"");
}

/* Of a text with everything in it, whatever it is cut to. */
static void
it_stays_json(void **state)
{
	static const char text[] =
	    "{\"k\\\\ey\":\"\\\\\\\"\\n\\u0041\\ud83d\\ude00\xc3\xa9"
	    "\xf0\x9f\x98\x80\\\\\",\"list\":[\"\\\\\\\\\\\\\",\"\\\"\\\"\"]}";
	struct buf got = BUF_INIT;
	json_t *json;
	size_t most;

	(void)state;
	for (most = 0; most < sizeof text; most++) {
		buf_clear(&got);
		json_shorten(text, sizeof text - 1, most, &got);
		json = json_loadb(got.data, got.len, JSON_ALLOW_NUL, NULL);
		if (json == NULL)
			fail_msg("at most %zu: %s", most, buf_str(&got));
		json_decref(json);
	}
	assert_string_equal(buf_str(&got), text);
	buf_release(&got);
}

int
test_json_shorten(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_cut_between_characters),
		cmocka_unit_test(what_is_no_json_stays_so),
		cmocka_unit_test(it_stays_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
