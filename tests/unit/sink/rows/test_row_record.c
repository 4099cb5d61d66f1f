/*
 * Tests of sink/row_record: messages, views and events, which are stored
 * unchanged.
 */
#include "tests/unit/sink_row.h"

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
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;

	(void)state;
	row = read_row(&b, &f,
	    MESSAGE("\"from\":\"operator\",\"operator\":7,\"to\":\"u\","
		    "\"kind\":\"text\",\"text\":\"a\\nb\",\"private\":true,"
		    "\"data\":{\"k\":[1]},\"channel\":\"w\","
		    "\"updated_at\":\"1970-01-01T00:00:09Z\""),
	    &why);
	assert_non_null(row);
	assert_ptr_equal(row->table, &tables[TABLE_messages]);
	is_text(&row->values[TABLE_COLUMN(messages, conversation_id)], "c");
	is_text(&row->values[TABLE_COLUMN(messages, message_id)], "m");
	assert_int_equal(
	    row->as_of, row->values[TABLE_COLUMN(messages, created_at)].num);
	assert_int_equal(row->version, 9000);
	is_text(&row->values[TABLE_COLUMN(messages, sender)], "operator");
	is_text(&row->values[TABLE_COLUMN(messages, sender_id)], "7");
	is_text(&row->values[TABLE_COLUMN(messages, receiver_id)], "u");
	is_text(&row->values[TABLE_COLUMN(messages, operator)], "7");
	is_text(&row->values[TABLE_COLUMN(messages, channel)], "w");
	is_text(&row->values[TABLE_COLUMN(messages, message_type)], "text");
	is_text(&row->values[TABLE_COLUMN(messages, content)], "a\nb");
	is_text(&row->values[TABLE_COLUMN(messages, data)], "{\"k\":[1]}");
	assert_int_equal(row->values[TABLE_COLUMN(messages, private)].num, 1);
	assert_int_equal(row->values[TABLE_COLUMN(messages, automated)].num, 0);

	/* The operator whom it names did not write it. */
	row = read_row(&b, &f,
	    MESSAGE("\"from\":\"system\",\"kind\":\"assigned\","
		    "\"operator\":\"7\""),
	    &why);
	assert_non_null(row);
	is_text(&row->values[TABLE_COLUMN(messages, sender_id)], NULL);
	is_text(&row->values[TABLE_COLUMN(messages, content)], NULL);
	assert_int_equal(row->version, 0);
	assert_int_equal(row->values[TABLE_COLUMN(messages, version)].num, 0);
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

/* An operator who is named once is both writer and assignee. */
static void
the_writer_of_a_message(void **state)
{
	static const struct {
		const char *record, *sender_id, *named;
	} cases[] = {
		{ "\"from\":\"operator\",\"operator\":\"7\"", "7", "7" },
		{ "\"from\":\"operator\",\"user\":\"7\"", "7", "7" },
		{ "\"from\":\"operator\",\"user\":\"5\",\"operator\":\"7\"",
		    "5", "7" },
		{ "\"from\":\"operator\"", NULL, NULL },
		{ "\"from\":\"bot\",\"user\":\"7\"", "7", NULL },
		{ "\"from\":\"system\",\"operator\":\"7\"", NULL, "7" },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&line, MESSAGE("%s"), cases[i].record);
		row = read_row(&b, &f, buf_str(&line), &why);
		assert_non_null(row);
		is_text(&row->values[TABLE_COLUMN(messages, sender_id)],
		    cases[i].sender_id);
		is_text(&row->values[TABLE_COLUMN(messages, operator)],
		    cases[i].named);
	}
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
	batch_release(&b);
}

/* A newer snapshot replaces only rows about the present, and only those are
 * counted at its end. */
static void
a_message_of_a_snapshot_is_history(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;

	(void)state;
	row = read_row(
	    &b, &f, MESSAGE("\"from\":\"bot\",\"snapshot\":\"s1\""), &why);
	assert_non_null(row);
	assert_null(row->snapshot.p);
	row = read_row(&b, &f,
	    "{\"type\":\"row\",\"table\":\"chat_metrics\",\"tenant\":\"t\","
	    "\"snapshot\":\"s1\",\"chat\":\"c\",\"status\":\"open\","
	    "\"as_of\":\"2026-11-20T10:00:00Z\"}",
	    &why);
	assert_non_null(row);
	assert_true(text_is(row->snapshot, "s1"));
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

/* Some CRMs send the year 1 for a missing time. */
static void
an_edit_of_whatever_time_is_newer_than_none(void **state)
{
	static const struct {
		const char *at;
		int64_t version;
	} edits[] = {
		{ "0001-01-01T00:00:00Z", 1 },
		{ "1969-12-31T23:59:59Z", 1 },
		{ "1970-01-01T00:00:00Z", 1 },
		{ "1970-01-01T00:00:00.002Z", 2 },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(edits); i++) {
		buf_setf(&line,
		    MESSAGE("\"from\":\"bot\",\"updated_at\":\"%s\""),
		    edits[i].at);
		row = read_row(&b, &f, buf_str(&line), &why);
		assert_non_null(row);
		assert_int_equal(row->version, edits[i].version);
	}
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
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
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct sink_row *row[ARRAY_LEN(tails)];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(tails); i++) {
		buf_setf(&line, "%s%s", head, tails[i]);
		row[i] = read_row(&b, &f, buf_str(&line), &why);
	}
	assert_non_null(row[0]);
	assert_ptr_equal(row[0]->table, &tables[TABLE_message_views]);
	is_text(
	    &row[0]->values[TABLE_COLUMN(message_views, conversation_id)], "");
	is_text(&row[0]->values[TABLE_COLUMN(message_views, device)], "web");
	assert_non_null(row[1]);
	is_text(
	    &row[1]->values[TABLE_COLUMN(message_views, conversation_id)], "c");
	is_text(&row[1]->values[TABLE_COLUMN(message_views, device)], "mobile");
	assert_true(row_compare(row[0], row[1]) < 0);
	assert_null(row[2]);
	assert_null(row[3]);
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
	batch_release(&b);
}

#define AN_EVENT                                                               \
	"{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"e\",\"event\":\"x\""

static void
an_event_is_a_row_of_events(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *one, *two;

	(void)state;
	one = read_row(&b, &f,
	    "{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"e\",\"event\":\"x\","
	    "\"at\":\"2026-11-20T10:00:00Z\",\"data\":{\"session_id\":"
	    "\"a\\nb\","
	    "\"event_data\":{\"k\":[1]},\"source_service\":null}}",
	    &why);
	assert_non_null(one);
	is_text(&one->values[TABLE_COLUMN(events, id)], "e");
	assert_int_equal(
	    one->as_of, one->values[TABLE_COLUMN(events, created_at)].num);
	is_text(&one->values[TABLE_COLUMN(events, event_type)], "x");
	is_text(&one->values[TABLE_COLUMN(events, user_id)], NULL);
	is_text(&one->values[TABLE_COLUMN(events, session_id)], "a\nb");
	is_text(&one->values[TABLE_COLUMN(events, source_service)], NULL);
	is_text(&one->values[TABLE_COLUMN(events, event_data)], "{\"k\":[1]}");
	is_text(&one->values[TABLE_COLUMN(events, conversation_id)], "");

	/* Rows with the same id have the same key, whatever their time; the
	 * first one stays. */
	two = read_row(&b, &f,
	    "{\"type\":\"event\",\"tenant\":\"t\",\"id\":\"e\",\"event\":\"x\","
	    "\"at\":\"2026-11-20T10:00:09Z\",\"user\":\"u\",\"data\":[7]}",
	    &why);
	assert_non_null(two);
	is_text(&two->values[TABLE_COLUMN(events, user_id)], "u");
	is_text(&two->values[TABLE_COLUMN(events, event_data)], "[7]");
	assert_int_equal(row_compare_key(one, two), 0);
	one->number = 1;
	two->number = 2;
	assert_true(row_compare(one, two) < 0);

	/* Any value is stored as written, within data as well. */
	one = read_row(&b, &f, AN_EVENT ",\"data\":\"x\\u0000\"}", &why);
	assert_non_null(one);
	is_text(&one->values[TABLE_COLUMN(events, event_data)], "\"x\\u0000\"");
	two = read_row(
	    &b, &f, AN_EVENT ",\"data\":{\"event_data\":\"x\"}}", &why);
	assert_non_null(two);
	is_text(&two->values[TABLE_COLUMN(events, event_data)], "\"x\"");
	one = read_row(
	    &b, &f, AN_EVENT ",\"data\":{\"event_data\":1e400}}", &why);
	assert_non_null(one);
	is_text(&one->values[TABLE_COLUMN(events, event_data)], "1e400");
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

/* A value that does not fit a column is dropped, because the event was counted
 * already and its data may be any value. */
static void
an_event_is_stored_whatever_its_data(void **state)
{
	static const struct {
		const char *member, *session, *address, *agent; /* NULL */
	} cases[] = {
		{ "\"session_id\":\"s\",\"ip_address\":\"::1\"", "s", "::1",
		    NULL },
		{ "\"session_id\":{\"a\":1},\"ip_address\":\"::1\"", NULL,
		    "::1", NULL },
		{ "\"session_id\":\"s \",\"user_agent\":\"x\"", "s ", NULL,
		    "x" },
		{ "\"session_id\":false,\"user_agent\":7", NULL, NULL, "7" },
		{ "\"session_id\":\"s\",\"ip_address\":1.5", "s", NULL, NULL },
		{ "\"user_agent\":true,\"ip_address\":[]", NULL, NULL, NULL },
	};
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT, line = BUF_INIT;
	struct sink_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&line, AN_EVENT ",\"data\":{\"event_data\":5,%s}}",
		    cases[i].member);
		row = read_row(&b, &f, buf_str(&line), &why);
		if (row == NULL)
			fail_msg("%s: %s", cases[i].member, buf_str(&why));
		is_text(&row->values[TABLE_COLUMN(events, event_data)], "5");
		is_text(&row->values[TABLE_COLUMN(events, session_id)],
		    cases[i].session);
		is_text(&row->values[TABLE_COLUMN(events, ip_address)],
		    cases[i].address);
		is_text(&row->values[TABLE_COLUMN(events, user_agent)],
		    cases[i].agent);
	}
	flat_release(&f);
	buf_release(&why);
	buf_release(&line);
	batch_release(&b);
}

/* Its name may be written with escapes, as any key may. */
static void
an_analysis_is_found_by_any_spelling(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct sink_row *row;

	(void)state;
	row = read_row(&b, &f,
	    MESSAGE("\"from\":\"bot\",\"about\":true,\"data\":"
		    "{\"\\u0061nal\\u0079tics\":{\"id\":\"a\"}}"),
	    &why);
	assert_non_null(row);
	assert_ptr_equal(row->table, &tables[TABLE_message_analytics]);
	is_text(&row->values[TABLE_COLUMN(message_analytics, id)], "a");
	is_text(&row->values[TABLE_COLUMN(message_analytics, direction)],
	    "outbound");
	assert_null(read_row(&b, &f,
	    MESSAGE("\"from\":\"bot\",\"about\":true,\"data\":"
		    "{\"\\u0061nalytic\":{\"id\":\"a\"}}"),
	    &why));
	flat_release(&f);
	buf_release(&why);
	batch_release(&b);
}

int
test_row_record(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_a_row_of_messages),
		cmocka_unit_test(the_writer_of_a_message),
		cmocka_unit_test(a_message_of_a_snapshot_is_history),
		cmocka_unit_test(an_edit_of_whatever_time_is_newer_than_none),
		cmocka_unit_test(a_view_is_a_row_of_message_views),
		cmocka_unit_test(an_event_is_a_row_of_events),
		cmocka_unit_test(an_event_is_stored_whatever_its_data),
		cmocka_unit_test(an_analysis_is_found_by_any_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
