/*
 * Tests of sink/row, batch, tables and migrate: rows read and refused, the
 * order and the choice of rows in a batch (test_sink_batch.c has more of it),
 * the statements, and how SQL files are taken apart.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "sink/batch.h"
#include "sink/migrate.h"

static void
numbers_become_thousandths(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "0", 0 },
		{ "1", 1000 },
		{ "1.5", 1500 },
		{ "12.345", 12345 },
		{ "0.0004", 0 },
		{ "0.0005", 1 },
		{ "0.00049999999999999999999999", 0 },
		{ "1.2345", 1235 },
		{ "1.9995", 2000 },
		{ "15e-1", 1500 },
		{ "1.5e3", 1500000 },
		{ "1.5E+3", 1500000 },
		{ "1e-9", 0 },
		{ "1e-400", 0 },
		{ "0e400", 0 },
		{ "100000000000.0", INT64_C(100000000000000) },
		{ "999999999999.999", INT64_C(999999999999999) },
		{ "999999999999.9994", INT64_C(999999999999999) },
		{ "999999999999.9995", -1 },
		{ "1000000000000", -1 },
		{ "1e12", -1 },
		{ "1e400", -1 },
		{ "1e99999999999999999999", -1 },
		{ "12345678901234567890123456789012345678901234567890", -1 },
		{ "-1.5", -1500 },
	};
	int64_t ms;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		rc = row_seconds(cases[i].text, strlen(cases[i].text), &ms);
		if (cases[i].ms == -1 ? rc != -1 : rc != 0 || ms != cases[i].ms)
			fail_msg(
			    "%s: %d, %lld", cases[i].text, rc, (long long)ms);
	}
}

/* Reads a line into the batch's arena; NULL and *why when it is refused. */
static struct row *
read_row(struct batch *b, struct flat *f, const char *line, struct buf *why)
{
	const char *copy = arena_copy_line(&b->arena, line, strlen(line));
	struct record r;

	if (record_parse(&r, f, copy, strlen(line), why) != 0)
		return NULL;
	return row_read(&r, copy, strlen(line), &b->arena, why);
}

#define EVENT(user, event, rest)                                               \
	"{\"type\":\"row\",\"table\":\"event_counts\",\"tenant\":\"t\","       \
	"\"user\":\"" user "\",\"event\":\"" event "\",\"as_of\":"             \
	"\"2026-11-20T10:00:0" rest "}"

static void
a_row_is_read_by_column(void **state)
{
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, key = BUF_INIT;
	struct row *row;

	(void)state;
	/* Another order, a later version's field, a key that comes twice, an
	 * escape (which makes the reader copy), a number as an id. */
	row = read_row(&b, &f,
	    "{\"count\":1,\"type\":\"row\",\"later\":{\"a\":[1]},"
	    "\"event\":\"log\\u0069n\",\"user\":7,\"tenant\":\"t\","
	    "\"table\":\"event_counts\",\"count\":3,"
	    "\"as_of\":\"2026-11-20T10:00:00.500Z\"}",
	    &why);
	assert_non_null(row);
	assert_ptr_equal(row->table, &tables[TABLE_EVENT_COUNTS]);
	assert_memory_equal(row->values[0].text, "t", 1);
	assert_memory_equal(row->values[1].text, "7", 1);
	assert_int_equal(row->values[2].len, 5);
	assert_memory_equal(row->values[2].text, "login", 5);
	assert_int_equal(row->values[3].num, 3);
	assert_int_equal(row->values[4].type, DB_TIME);
	assert_int_equal(row->as_of, row->values[4].num);
	row_key(row, &key);
	assert_string_equal(buf_str(&key), "7 login");
	/* What was copied outlives the reader. */
	flat_release(&f);
	assert_memory_equal(row->values[2].text, "login", 5);

	row = read_row(&b, &f, EVENT("u", "e", "1Z\""), &why);
	assert_non_null(row);
	assert_int_equal(row->values[3].type, DB_NULL);
	flat_release(&f);
	buf_release(&why);
	buf_release(&key);
	batch_release(&b);
}

/* TEXT becomes n times TEXT in the row's field. */
static struct row *
read_long(struct batch *b, struct flat *f, const char *field, const char *text,
    int n, struct buf *why)
{
	struct buf line = BUF_INIT;
	struct row *row;

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
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct row *row;
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
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct rows *rows = &b.rows[TABLE_EVENT_COUNTS];
	struct row *row;
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
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct row *row;
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
	assert_int_equal(b.rows[TABLE_EVENT_COUNTS].n, 1);
	assert_int_equal(b.rows[TABLE_EVENT_COUNTS].row[0]->values[3].num, 2);
	assert_null(
	    read_row(&b, &f, EVENT("b", "x", "3Z\",\"version\":-1"), &why));
	assert_non_null(strstr(buf_str(&why), "'version' is below 0"));
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

#define MESSAGE(rest)                                                          \
	"{\"type\":\"message\",\"tenant\":\"t\",\"chat\":\"c\","               \
	"\"id\":\"m\",\"at\":\"2026-11-20T10:00:00.500Z\"," rest "}"

static void
is_text(const struct db_value *v, const char *text)
{
	if (text == NULL) {
		assert_int_equal(v->type, DB_NULL);
		return;
	}
	assert_int_equal(v->type, DB_TEXT);
	assert_int_equal(v->len, strlen(text));
	assert_memory_equal(v->text, text, v->len);
}

static void
a_message_is_a_row_of_messages(void **state)
{
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, key = BUF_INIT;
	struct row *row;

	(void)state;
	row = read_row(&b, &f,
	    MESSAGE("\"from\":\"operator\",\"operator\":7,\"to\":\"u\","
		    "\"kind\":\"text\",\"text\":\"a\\nb\",\"private\":true,"
		    "\"data\":{\"k\":[1]},\"channel\":\"w\","
		    "\"updated_at\":\"1970-01-01T00:00:09Z\""),
	    &why);
	assert_non_null(row);
	assert_ptr_equal(row->table, &tables[TABLE_MESSAGES]);
	row_key(row, &key);
	assert_string_equal(buf_str(&key), "2026-11-20T10:00:00.500Z c m");
	assert_int_equal(row->as_of, row->values[MESSAGE_CREATED_AT].num);
	assert_int_equal(row->version, 9000);
	is_text(&row->values[MESSAGE_SENDER], "operator");
	is_text(&row->values[MESSAGE_SENDER_ID], "7");
	is_text(&row->values[MESSAGE_RECEIVER_ID], "u");
	is_text(&row->values[MESSAGE_OPERATOR], "7");
	is_text(&row->values[MESSAGE_CHANNEL], "w");
	is_text(&row->values[MESSAGE_MESSAGE_TYPE], "text");
	is_text(&row->values[MESSAGE_CONTENT], "a\nb");
	is_text(&row->values[MESSAGE_DATA], "{\"k\":[1]}");
	assert_int_equal(row->values[MESSAGE_PRIVATE].num, 1);
	assert_int_equal(row->values[MESSAGE_AUTOMATED].num, 0);

	/* Who it names is not who wrote it. */
	row = read_row(&b, &f,
	    MESSAGE("\"from\":\"system\",\"kind\":\"assigned\","
		    "\"operator\":\"7\""),
	    &why);
	assert_non_null(row);
	is_text(&row->values[MESSAGE_SENDER_ID], NULL);
	is_text(&row->values[MESSAGE_CONTENT], NULL);
	assert_int_equal(row->version, 0);
	assert_int_equal(row->values[MESSAGE_VERSION].num, 0);
	flat_release(&f);
	buf_release(&why);
	buf_release(&key);
	batch_release(&b);
}

static void
a_view_is_a_row_of_message_views(void **state)
{
	static const char head[] =
	    "{\"type\":\"view\",\"tenant\":\"t\",\"message\":\"m\",";
	static const char *const tails[] = {
		"\"user\":\"u\",\"at\":\"2026-11-20T10:00:00Z\"}",
		("\"user\":\"u\",\"at\":\"2026-11-20T10:00:00Z\","
		 "\"chat\":\"c\",\"device\":\"mobile\"}"),
		"\"user\":\"u \",\"at\":\"2026-11-20T10:00:00Z\"}",
		"\"user\":\"u\",\"at\":\"0999-11-20T10:00:00Z\"}",
	};
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct row *row[ARRAY_LEN(tails)];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(tails); i++) {
		buf_setf(&line, "%s%s", head, tails[i]);
		row[i] = read_row(&b, &f, buf_str(&line), &why);
	}
	assert_non_null(row[0]);
	assert_ptr_equal(row[0]->table, &tables[TABLE_MESSAGE_VIEWS]);
	is_text(&row[0]->values[VIEW_CONVERSATION_ID], "");
	is_text(&row[0]->values[VIEW_DEVICE], "web");
	assert_non_null(row[1]);
	is_text(&row[1]->values[VIEW_CONVERSATION_ID], "c");
	is_text(&row[1]->values[VIEW_DEVICE], "mobile");
	assert_true(row_compare(row[0], row[1]) < 0);
	assert_null(row[2]);
	assert_null(row[3]);
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
	batch_release(&b);
}

static void
an_event_is_a_row_of_events(void **state)
{
	struct batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, key = BUF_INIT;
	struct row *one, *two;

	(void)state;
	one = read_row(&b, &f,
	    "{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"e\",\"event\":\"x\","
	    "\"at\":\"2026-11-20T10:00:00Z\",\"data\":{\"session_id\":"
	    "\"a\\nb\","
	    "\"event_data\":{\"k\":[1]},\"source_service\":null}}",
	    &why);
	assert_non_null(one);
	row_key(one, &key);
	assert_string_equal(buf_str(&key), "e");
	assert_int_equal(one->as_of, one->values[EVENT_CREATED_AT].num);
	is_text(&one->values[EVENT_EVENT_TYPE], "x");
	is_text(&one->values[EVENT_USER_ID], NULL);
	is_text(&one->values[EVENT_SESSION_ID], "a\nb");
	is_text(&one->values[EVENT_SOURCE_SERVICE], NULL);
	is_text(&one->values[EVENT_EVENT_DATA], "{\"k\":[1]}");
	is_text(&one->values[EVENT_CONVERSATION_ID], "");

	/* The same id is the same key, whatever its time; the first stays. */
	two = read_row(&b, &f,
	    "{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"e\",\"event\":\"x\","
	    "\"at\":\"2026-11-20T10:00:09Z\",\"user\":\"u\",\"data\":[7]}",
	    &why);
	assert_non_null(two);
	is_text(&two->values[EVENT_USER_ID], "u");
	is_text(&two->values[EVENT_EVENT_DATA], "[7]");
	assert_int_equal(row_compare_key(one, two), 0);
	one->number = 1;
	two->number = 2;
	assert_true(row_compare(one, two) < 0);
	flat_release(&f);
	buf_release(&why);
	buf_release(&key);
	batch_release(&b);
}

static void
the_newest_end_of_a_batch_counts(void **state)
{
	struct batch b = { .exclusive = false };
	struct text tenant = { "t", 1 }, one = { "s1", 2 }, two = { "s2", 2 };
	const struct end first = { one, 1000, 5 }, second = { two, 2000, 6 };

	(void)state;
	batch_end(&b, tenant, &second);
	batch_end(&b, tenant, &first);
	assert_true(b.exclusive);
	assert_int_equal(batch_tenant(&b, tenant)->end.records, 6);
	batch_release(&b);
}

static void
the_version_is_assigned_last(void **state)
{
	static const char last[] =
	    "version = GREATEST(version, VALUES(version))";
	struct table_sql sql;
	size_t i, len;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		table_sql_init(&sql, &tables[i]);
		assert_null(strstr(sql.tail, "`tenant` ="));
		len = strlen(sql.tail);
		if (tables[i].versions) {
			assert_true(len > sizeof last);
			/* Once, and at the end. */
			assert_string_equal(
			    strstr(sql.tail, "version = "), last);
		} else {
			assert_string_equal(sql.tail,
			    " ON DUPLICATE KEY UPDATE tenant = tenant");
		}
		table_sql_release(&sql);
	}
}

static void
sql_files_are_taken_apart(void **state)
{
	const char *text = "-- a comment; with a semicolon;\n"
			   "\n"
			   "CREATE TABLE a (\n"
			   "  -- inside\n"
			   "  b INT, c CHAR(1) DEFAULT ';'\n"
			   ");\n"
			   "INSERT INTO a VALUES (1, 'x;y');  \n"
			   "\t-- between\n"
			   "DROP TABLE b";
	struct buf sql = BUF_INIT;

	(void)state;
	assert_true(migrate_statement(&text, &sql));
	assert_string_equal(buf_str(&sql),
	    "CREATE TABLE a (\n  b INT, c CHAR(1) DEFAULT ';'\n)");
	assert_true(migrate_statement(&text, &sql));
	assert_string_equal(buf_str(&sql), "INSERT INTO a VALUES (1, 'x;y')");
	assert_true(migrate_statement(&text, &sql));
	assert_string_equal(buf_str(&sql), "DROP TABLE b");
	assert_false(migrate_statement(&text, &sql));
	buf_release(&sql);
}

static void
only_its_own_schema_will_do(void **state)
{
	(void)state;
	assert_null(migrate_objection(MIGRATE_SCHEMA));
	assert_non_null(migrate_objection(0));
	assert_non_null(
	    strstr(migrate_objection(MIGRATE_SCHEMA + 1), "newer version"));
}

/* A table whose columns all have their order and limits. */
static void
tables_fit_the_code(void **state)
{
	const struct table *t;
	size_t i, k;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		t = &tables[i];
		assert_ptr_equal(table_find(t->name, strlen(t->name)), t);
		assert_in_range(t->keys, 1, t->columns_n - 1);
		assert_string_equal(t->columns[0].name, "tenant");
		assert_int_equal(t->versions,
		    t->columns[t->columns_n - 1].kind == COLUMN_VERSION);
		assert_int_equal(t->columns[t->at].kind, COLUMN_TIME);
		assert_true(t->columns[t->at].needed);
		if (t->day >= 0) {
			assert_in_range(t->day, 1, t->keys - 1);
			assert_int_equal(t->columns[t->day].kind, COLUMN_TIME);
		}
		assert_in_range(t->columns_n, 1, 32); /* bits of row.cut */
		for (k = 0; k < t->columns_n; k++) {
			assert_int_equal(
			    t->columns[k].name_len, strlen(t->columns[k].name));
			if (k < t->keys)
				assert_true(t->columns[k].needed);
		}
	}
	assert_null(table_find("tenants", 7));
	assert_null(table_find("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_become_thousandths),
		cmocka_unit_test(a_row_is_read_by_column),
		cmocka_unit_test(long_texts_are_cut_and_long_ids_refused),
		cmocka_unit_test(a_batch_keeps_the_newest_in_order),
		cmocka_unit_test(a_row_may_bring_its_version),
		cmocka_unit_test(a_message_is_a_row_of_messages),
		cmocka_unit_test(a_view_is_a_row_of_message_views),
		cmocka_unit_test(an_event_is_a_row_of_events),
		cmocka_unit_test(the_newest_end_of_a_batch_counts),
		cmocka_unit_test(the_version_is_assigned_last),
		cmocka_unit_test(sql_files_are_taken_apart),
		cmocka_unit_test(only_its_own_schema_will_do),
		cmocka_unit_test(tables_fit_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
