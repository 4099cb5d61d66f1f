/*
 * Tests of common/record and common/jsonw: what is read, what is refused and
 * with which words, and that written records can be read again.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "common/text/jsonw.h"

#define NO_TENANT                                                              \
	"field 'tenant' must be the name of a [crm NAME] section: up to 64 "   \
	"letters, digits, '_', '.', '-', not beginning with '.' or '-'"
#define CHAT "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":"
#define SIXTEEN "abcdefghijklmnop"

/* why NULL: the line is fine. */
static const struct {
	const char *line, *why;
} cases[] = {
	{ "{\"type\":\"message\",\"tenant\":\"t\",\"id\":\"1\",\"chat\":\"c\","
	  "\"at\":\"2026-11-20T10:00:00Z\",\"from\":\"customer\"}",
	    NULL },
	{ "{\"type\":\"message\",\"tenant\":\"t\",\"id\":1,\"chat\":"
	  "9007199254740993,"
	  "\"at\":\"2026-11-20T10:00:00Z\",\"from\":\"customer\",\"private\":"
	  "null}",
	    NULL },
	{ "{\"type\":\"telepathy\"}", NULL },
	{ "{\"type\":\"snapshot\",\"tenant\":\"t\",\"state\":\"begin\","
	  "\"snapshot\":\"s\"}",
	    "field 'at' is missing in a snapshot record" },
	{ "{\"type\":\"snapshot\",\"tenant\":\"t\",\"state\":\"end\","
	  "\"snapshot\":\"s\"}",
	    "field 'records' is missing in a snapshot record" },
	{ "{\"type\":\"snapshot\",\"tenant\":\"t\",\"snapshot\":\"s\","
	  "\"state\":\"begin\",\"bucket\":65,"
	  "\"at\":\"2026-11-20T10:00:00Z\"}",
	    "field 'bucket' must be 0 to 64" },
	{ "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	  "\"reported_open_chats\":4294967296}",
	    "field 'reported_open_chats' must be 0 to 4294967295" },
	{ "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	  "\"max_chats\":5000000000}",
	    "field 'max_chats' must be 0 to 4294967295" },
	{ "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	  "\"reported_open_chats\":4294967295}",
	    NULL },
	{ "{\"type\":\"chat\",\"chat\":\"1\"}",
	    "field 'tenant' is missing in a chat record" },
	{ "{\"type\":\"chat\",\"tenant\":\"\",\"chat\":\"1\"}", NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":\"a b\",\"chat\":\"1\"}", NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":\"..\",\"chat\":\"1\"}", NO_TENANT },
	{ "{\"type\":\"row\",\"tenant\":\"a/b\",\"table\":\"x\"}", NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":-5,\"chat\":\"1\"}", NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":-0,\"chat\":-0}", NULL },
	{ "{\"type\":\"chat\",\"tenant\":[\"a\"],\"chat\":\"1\"}", NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":\"" SIXTEEN SIXTEEN SIXTEEN SIXTEEN
	  "\",\"chat\":\"1\"}",
	    NULL },
	{ "{\"type\":\"chat\",\"tenant\":\"" SIXTEEN SIXTEEN SIXTEEN SIXTEEN
	  "a\",\"chat\":\"1\"}",
	    NO_TENANT },
	{ "{\"type\":\"chat\",\"tenant\":\"_A-9.z\",\"chat\":\"1\"}", NULL },
	{ "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":1.5}",
	    "field 'chat' must be a string" },
	{ "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":\"1\",\"status\":"
	  "\"ajar\"}",
	    "field 'status' must be open, pending, snoozed, closed or gone" },
	{ "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":\"1\",\"opened_at\":"
	  "\"noon\"}",
	    "field 'opened_at' must be a time like 2026-11-20T10:00:00.123Z" },
	{ "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	  "\"max_chats\":-1}",
	    "field 'max_chats' must be a whole number of at least 0" },
	{ "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	  "\"available\":\"yes\"}",
	    "field 'available' must be true or false" },
	{ CHAT "1234567890123456789012345678901234567890}", NULL },
	{ CHAT "\"1\",\"x\":1e400,\"y\":[123456789012345678901234567890]}",
	    NULL },
	{ CHAT "\"a \"}", "field 'chat' ends with a space" },
	{ CHAT "\"a\\u0020\"}", "field 'chat' ends with a space" },
	{ CHAT "\" a\"}", NULL },
	{ CHAT "\"a\\tb\"}", "field 'chat' holds a control character" },
	{ CHAT "\"a\x7F\"}", "field 'chat' holds a control character" },
	{ CHAT "\"\xC2\x85\"}", "field 'chat' holds a control character" },
	{ CHAT "\"a\xC2\xA0\"}", NULL },
	{ CHAT "\"a\\u0000\"}",
	    "field 'chat' has \\u0000 or half of a surrogate pair" },
	{ CHAT "\"\\ud83d\"}",
	    "field 'chat' has \\u0000 or half of a surrogate pair" },
	{ CHAT "\"a\\\\u0000\\ufffd\\ud83d\\ude00\"}", NULL },
	{ CHAT "\"1\",\"tag\":\"a\\u0000\\ud800 \"}", NULL },
	{ CHAT "\"1\",\"at\":\"9999-12-31T23:59:59-00:01\"}",
	    "field 'at' must be a time like 2026-11-20T10:00:00.123Z" },
	{ "", "an empty line" },
	{ " \t\r", "an empty line" },
	{ "{\"tenant\":\"t\"}", "field 'type' is missing" },
	{ "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":\"\xFF\"}",
	    "not valid UTF-8" },
};

static int
parse(struct record *r, struct flat *f, const char *line, struct buf *why)
{
	static char space[4096];

	memset(space, 0, sizeof space);
	memcpy(space, line, strlen(line));
	return record_parse(r, f, space, strlen(line), why);
}

static void
lines_are_read_or_refused_with_a_reason(void **state)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&why);
		if (parse(&r, &f, cases[i].line, &why) == 0)
			assert_null(cases[i].why);
		else
			assert_string_equal(buf_str(&why), cases[i].why);
	}
	flat_release(&f);
	buf_release(&why);
}

static void
the_last_of_two_equal_keys_counts(void **state)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r;

	(void)state;
	assert_int_equal(parse(&r, &f,
			     "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":1.5,"
			     "\"chat\":\"2\",\"tag\":\"x\",\"tag\":null}",
			     &why),
	    0);
	assert_true(text_is(r.chat, "2"));
	assert_null(r.tag.p);
	flat_release(&f);
	buf_release(&why);
}

static void
absent_is_not_zero(void **state)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r;

	(void)state;
	assert_int_equal(parse(&r, &f,
			     "{\"type\":\"operator\",\"tenant\":\"t\","
			     "\"operator\":7,\"available\":false}",
			     &why),
	    0);
	assert_true(text_is(r.operator_id, "7"));
	assert_true(r.has_available);
	assert_false(r.available);
	assert_int_equal(r.max_chats, RECORD_NO_NUMBER);
	assert_int_equal(r.at, CLOCK_NONE);
	assert_null(r.name.p);
	flat_release(&f);
	buf_release(&why);
}

/* Only messages can have this flag. */
static void
a_flag_is_of_its_types(void **state)
{
	static const struct {
		const char *line;
		bool about;
	} lines[] = {
#define MESSAGE                                                                \
	"{\"type\":\"message\",\"tenant\":\"t\",\"chat\":\"1\",\"id\":\"2\","  \
	"\"from\":\"customer\",\"at\":\"2026-11-20T10:00:00Z\""
		{ MESSAGE ",\"about\":true}", true },
		{ MESSAGE ",\"about\":false}", false },
		{ MESSAGE ",\"about\":null}", false },
		{ MESSAGE "}", false },
		{ "{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"2\","
		  "\"event\":\"e\",\"about\":true}",
		    false },
	};
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(parse(&r, &f, lines[i].line, &why), 0);
		assert_int_equal(r.about, lines[i].about);
	}
	assert_int_equal(parse(&r, &f, MESSAGE ",\"about\":\"2\"}", &why), -1);
	assert_string_equal(
	    buf_str(&why), "field 'about' must be true or false");
	flat_release(&f);
	buf_release(&why);
}

/* data stays as it was written, whatever it is. */
static void
data_is_any_value(void **state)
{
	static const char *const values[] = { "\"x\"", "\"\\\"\\u0000\"", "5",
		"1e400", "true", "false", "[]", "{\"a\": 1}",
		"123456789012345678901234567890" };
	struct flat f = FLAT_INIT;
	struct buf line = BUF_INIT, why = BUF_INIT;
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(values); i++) {
		buf_setf(&line, MESSAGE ",\"data\":%s}", values[i]);
		assert_int_equal(parse(&r, &f, buf_str(&line), &why), 0);
		assert_true(text_is(r.data, values[i]));
	}
	assert_int_equal(parse(&r, &f, MESSAGE ",\"data\":null}", &why), 0);
	assert_null(r.data.p);
	flat_release(&f);
	buf_release(&line);
	buf_release(&why);
}

static void
what_is_written_is_read(void **state)
{
	static const char odd[] = "tab\t nl\n quote\" back\\ \x01 \xC3\xA9";
	struct flat f = FLAT_INIT;
	struct buf b = BUF_INIT, why = BUF_INIT;
	struct record r;

	(void)state;
	jsonw_open(&b);
	jsonw_str(&b, "type", "chat");
	jsonw_str(&b, "tenant", "t");
	jsonw_str(&b, "chat", "1");
	jsonw_str(&b, "tag", odd);
	jsonw_time(&b, "at", 1500);
	jsonw_time(&b, "closed_at", CLOCK_NONE);
	jsonw_seconds(&b, "x", -1500);
	jsonw_bool(&b, "stale", true);
	jsonw_close(&b);
	assert_non_null(strstr(b.data, "\"x\":-1.500,"));
	assert_non_null(strstr(b.data, "\"closed_at\":null"));
	assert_int_equal(parse(&r, &f, b.data, &why), 0);
	assert_true(text_is(r.tag, odd));
	assert_int_equal(r.at, 1500);
	assert_int_equal(r.closed_at, CLOCK_NONE);
	assert_true(r.stale);
	flat_release(&f);
	buf_release(&b);
	buf_release(&why);
}

int
test_record(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_or_refused_with_a_reason),
		cmocka_unit_test(the_last_of_two_equal_keys_counts),
		cmocka_unit_test(absent_is_not_zero),
		cmocka_unit_test(a_flag_is_of_its_types),
		cmocka_unit_test(data_is_any_value),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
