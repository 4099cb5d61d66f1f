/*
 * Tests of common/records/record and common/json/jsonw: what is read, and that
 * written records can be read again. The text case record-mistakes of the
 * aggregator has what is refused, and with which words.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/records/record.h"

static int
parse(struct record *r, struct flat *f, const char *line, struct buf *why)
{
	static char space[4096];

	memset(space, 0, sizeof space);
	memcpy(space, line, strlen(line));
	return record_parse(r, f, space, strlen(line), why);
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
		cmocka_unit_test(the_last_of_two_equal_keys_counts),
		cmocka_unit_test(absent_is_not_zero),
		cmocka_unit_test(a_flag_is_of_its_types),
		cmocka_unit_test(data_is_any_value),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
