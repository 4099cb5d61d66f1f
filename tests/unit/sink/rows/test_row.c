/*
 * Tests of sink/row: rows are read column by column or refused, and the newest
 * row of a batch is kept. test_row_record.c tests records that are stored
 * unchanged.
 */
#include "tests/unit/sink_row.h"

static void
seconds_fit_their_column(void **state)
{
	static const struct {
		const char *text;
		bool fits;
	} cases[] = {
		{ "0", true },
		{ "12.345", true },
		{ "1.5E+3", true },
		{ "1e-400", true },
		{ "-1.5", true },
		{ "999999999999.999", true },
		{ "999999999999.9995", false },
		{ "1e12", false },
		{ "-1e12", false },
		{ "1e400", false },
		{ "12345678901234567890123456789012345678901234567890", false },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&line,
		    "{\"type\":\"row\",\"table\":\"operator_metrics\","
		    "\"tenant\":\"t\",\"operator\":\"7\","
		    "\"avg_response_seconds\":%s,"
		    "\"as_of\":\"2026-11-20T10:00:00Z\"}",
		    cases[i].text);
		if ((read_row(&b, &f, buf_str(&line), &why) != NULL) !=
		    cases[i].fits)
			fail_msg("%s: %s", cases[i].text, buf_str(&why));
	}
	buf_release(&line);
	buf_release(&why);
	flat_release(&f);
	batch_release(&b);
}

#define EVENT(user, event, rest)                                               \
	"{\"type\":\"row\",\"table\":\"event_counts\",\"tenant\":\"t\","       \
	"\"user\":\"" user "\",\"event\":\"" event "\",\"as_of\":"             \
	"\"2026-11-20T10:00:0" rest "}"

static void
a_row_is_read_by_column(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;

	(void)state;
	/* Keys in another order, an unknown field, a repeated key, an escape
	 * (which makes the reader copy), a number as an id. */
	row = read_row(&b, &f,
	    "{\"count\":1,\"type\":\"row\",\"later\":{\"a\":[1]},"
	    "\"event\":\"log\\u0069n\",\"user\":7,\"tenant\":\"t\","
	    "\"table\":\"event_counts\",\"count\":3,"
	    "\"as_of\":\"2026-11-20T10:00:00.500Z\"}",
	    &why);
	assert_non_null(row);
	assert_ptr_equal(row->table, &tables[TABLE_event_counts]);
	assert_memory_equal(row->values[0].text, "t", 1);
	assert_memory_equal(row->values[1].text, "7", 1);
	assert_int_equal(row->values[2].len, 5);
	assert_memory_equal(row->values[2].text, "login", 5);
	assert_int_equal(row->values[3].num, 3);
	assert_int_equal(row->values[4].type, DB_TIME);
	assert_int_equal(row->as_of, row->values[4].num);
	/* Copied texts outlive the reader. */
	flat_release(&f);
	assert_memory_equal(row->values[2].text, "login", 5);

	row = read_row(&b, &f, EVENT("u", "e", "1Z\""), &why);
	assert_non_null(row);
	assert_int_equal(row->values[3].type, DB_NULL);
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

/* Replaces TEXT in the row's field by n times TEXT. */
static struct sink_row *
read_long(struct row_batch *b, struct flat *f, const char *field,
    const char *text, int n, struct buf *why)
{
	struct buf line = BUF_INIT;
	struct sink_row *row;

	buf_addf(&line,
	    "{\"type\":\"row\",\"table\":\"chat_metrics\",\"tenant\":\"t\","
	    "\"status\":\"open\",\"as_of\":\"2026-11-20T10:00:00Z\","
	    "\"chat\":\"1\",\"%s\":\"",
	    field);
	while (n-- > 0)
		buf_adds(&line, text);
	buf_adds(&line, "\"}");
	row = read_row(b, f, buf_str(&line), why);
	buf_release(&line);
	return row;
}

static void
long_texts_are_cut_and_long_ids_refused(void **state)
{
	static const struct {
		const char *field, *text;
		int n;
		size_t column, len; /* len 0: refused */
		bool cut;
	} cases[] = {
		{ "tag", "a", 255, 7, 255, false },
		{ "tag", "a", 256, 7, 255, true },
		{ "tag", "\xC3\xA9", 255, 7, 510, false },
		{ "tag", "\xC3\xA9", 256, 7, 510, true },
		{ "tag", "\xF0\x9F\x98\x80", 1000, 7, 1020, true },
		{ "tag", "\\u00e9", 256, 7, 510, true },
		{ "customer_name", "a\xE2\x82\xAC", 128, 5, 509, true },
		{ "customer_phone", "1", 65, 6, 64, true },
		{ "chat", "a", 191, 1, 191, false },
		{ "chat", "a", 192, 1, 0, false },
		{ "chat", "\xC3\xA9", 96, 1, 0, false },
		{ "operator", "a", 192, 2, 0, false },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		row = read_long(
		    &b, &f, cases[i].field, cases[i].text, cases[i].n, &why);
		if (cases[i].len == 0) {
			assert_null(row);
			assert_non_null(strstr(buf_str(&why), "is too long"));
			continue;
		}
		assert_non_null(row);
		if (row->values[cases[i].column].len != cases[i].len ||
		    row->cut != (cases[i].cut ? 1u << cases[i].column : 0))
			fail_msg("%d of %s: %zu", cases[i].n, cases[i].text,
			    row->values[cases[i].column].len);
	}
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

static void
ids_are_those_of_records(void **state)
{
	static const struct {
		const char *field, *text, *fault; /* NULL: taken */
	} cases[] = {
		{ "chat", "1 ", "ends with a space" },
		{ "chat", "1\\n", "holds a control character" },
		{ "chat", "\xC2\x85", "holds a control character" },
		{ "chat", "b\\u0000d", "has \\u0000 or half of" },
		{ "chat", "b\\ud800d", "has \\u0000 or half of" },
		{ "chat", "b\xEF\xBF\xBD", NULL },
		{ "chat", "\\ud83d\\ude00", NULL },
		{ "operator", "1\\u0000", "has \\u0000 or half of" },
		{ "operator", "1 ", "ends with a space" },
		{ "operator", "", NULL },
		{ "tag", "\\u0000\\n ", NULL },
		{ "status", "left", NULL },
		{ "status", "pending", "must be open or left" },
		{ "status", "", "must be open or left" },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		row = read_long(&b, &f, cases[i].field, cases[i].text, 1, &why);
		if (cases[i].fault == NULL
			? row == NULL
			: row != NULL ||
			      strstr(buf_str(&why), cases[i].fault) == NULL)
			fail_msg("%s %s: %s", cases[i].field, cases[i].text,
			    buf_str(&why));
	}
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

static void
a_batch_keeps_the_newest_in_order(void **state)
{
	static const char *const lines[] = {
		EVENT("b", "x", "3Z\",\"count\":3"),
		EVENT("a", "y", "1Z\",\"count\":1"),
		EVENT("b", "x", "5Z\",\"count\":5"),
		EVENT("ab", "x", "1Z\",\"count\":2"),
		EVENT("b", "x", "4Z\",\"count\":4"),
		EVENT("b", "x", "5Z\",\"count\":6"),
		EVENT("a", "x", "2Z\",\"count\":7"),
	};
	static const int64_t want[] = { 7, 1, 2, 5 };
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct row_list *rows = &b.rows[TABLE_event_counts];
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		row = read_row(&b, &f, lines[i], &why);
		assert_non_null(row);
		row->number = i;
		batch_add(&b, row);
	}
	batch_sort(&b);
	assert_int_equal(rows->n, ARRAY_LEN(want));
	for (i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(rows->row[i]->values[3].num, want[i]);
	batch_clear(&b);
	assert_true(batch_is_empty(&b));
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

static void
a_row_may_bring_its_version(void **state)
{
	static const char *const lines[] = {
		EVENT("b", "x", "3Z\",\"count\":3,\"version\":7"),
		EVENT("b", "x", "1Z\",\"count\":1,\"version\":8"),
		EVENT("b", "x", "2Z\",\"count\":2,\"version\":null"),
		EVENT("b", "x", "2Z\",\"count\":4,\"version\":0"),
	};
	static const int64_t versions[] = { 7, 8, INT64_C(1795168802000), 0 };
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		row = read_row(&b, &f, lines[i], &why);
		assert_non_null(row);
		assert_int_equal(row->version, versions[i]);
		assert_int_equal(row->values[5].num, versions[i]);
		batch_add(&b, row);
	}
	batch_sort(&b);
	assert_int_equal(b.rows[TABLE_event_counts].n, 1);
	assert_int_equal(b.rows[TABLE_event_counts].row[0]->values[3].num, 2);
	assert_null(
	    read_row(&b, &f, EVENT("b", "x", "3Z\",\"version\":-1"), &why));
	assert_non_null(strstr(buf_str(&why), "'version' is below 0"));
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

#define AT(time) "\"2026-11-20T" time "Z\""

static void
rows_are_what_is_added_up(void **state)
{
	static const struct {
		const char *table, *rest, *fault;
	} cases[] = {
		{ "intervals", "\"ms\":0", NULL },
		{ "intervals", "\"ms\":0,\"withdrawn\":true", NULL },
		{ "intervals", "\"operator\":\"7\"", "'ms' is missing" },
		{ "intervals", "\"ms\":null", "'ms' is missing" },
		{ "intervals", "\"ms\":-1", "'ms' is below 0" },
		{ "response_hours", "\"hour\":" AT("10:00:00"), NULL },
		{ "response_hours", "\"hour\":\"1026-11-20T10:00:00Z\"", NULL },
		{ "response_hours", "\"hour\":" AT("10:00:00.001"),
		    "'hour' is not a whole hour" },
		{ "response_hours", "\"hour\":" AT("10:30:00"),
		    "'hour' is not a whole hour" },
		{ "response_hours", "\"hour\":\"1026-11-20T10:30:00Z\"",
		    "'hour' is not a whole hour" },
		{ "response_hours_parts",
		    "\"generation\":1,\"part\":0,\"hour\":" AT("10:00:01"),
		    "'hour' is not a whole hour" },
		{ "channel_metrics", "\"hour\":" AT("10:00:01"),
		    "'hour' is not a whole hour" },
		{ "response_histogram", "\"bucket\":0,\"hour\":" AT("10:59:59"),
		    "'hour' is not a whole hour" },
		{ "response_histogram",
		    "\"bucket\":1887,\"hour\":" AT("10:00:00"), NULL },
		{ "response_histogram",
		    "\"bucket\":1888,\"hour\":" AT("10:00:00"),
		    "'bucket' is too large" },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&line,
		    "{\"type\":\"row\",\"table\":\"%s\",\"tenant\":\"t\","
		    "\"chat\":\"1\",\"kind\":\"reply\",\"end_at\":" AT(
			"10:00:00") ",\"as_of\":" AT("10:00:00") ",%s}",
		    cases[i].table, cases[i].rest);
		row = read_row(&b, &f, buf_str(&line), &why);
		if (cases[i].fault == NULL
			? row == NULL
			: row != NULL ||
			      strstr(buf_str(&why), cases[i].fault) == NULL)
			fail_msg("%s: %s", buf_str(&line), buf_str(&why));
	}
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
	batch_release(&b);
}

int
test_row(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_fit_their_column),
		cmocka_unit_test(a_row_is_read_by_column),
		cmocka_unit_test(long_texts_are_cut_and_long_ids_refused),
		cmocka_unit_test(ids_are_those_of_records),
		cmocka_unit_test(a_batch_keeps_the_newest_in_order),
		cmocka_unit_test(a_row_may_bring_its_version),
		cmocka_unit_test(rows_are_what_is_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
