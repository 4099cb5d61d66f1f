/*
 * Tests of the collecting routes against their contract, without the defects of
 * the original service.
 */
#include "tests/unit/route_world.h"

#define EVENTS "/api/v1/analytics/events"
#define BULK "/api/v1/analytics/events/bulk"
#define ANALYTICS "/api/v1/analytics/messages/analytics"
#define AT(loc, msg) "{\"loc\":[" loc "],\"msg\":\"" msg "\"}"
#define IN(field) "\"body\",\"" field "\""
#define TENANT "\"query\",\"tenant_id\""
#define TYPES                                                                  \
	"must be one of message_sent, message_received, "                      \
	"conversation_started, conversation_ended, channel_connected, "        \
	"channel_disconnected, user_action, system_action"
#define NO_ID(field, text)                                                     \
	{                                                                      \
		EVENTS,                                                        \
		    "{\"event_type\":\"user_action\",\"event_data\":{},"       \
		    "\"" field "\":\"" text "\"}",                             \
		    AT(IN(field), "must not have control characters or a "     \
				  "space at its end")                          \
	}

static struct world world;
static const struct ask plain = { .tenant = "t-1", .type = "application/json" };

struct bad {
	const char *path, *body, *detail; /* without its brackets */
};

static const struct bad bad[] = {
	{ EVENTS, "{\"event_type\":\"message_sent\"}",
	    AT(IN("event_data"), "is missing") },
	{ EVENTS, "{\"event_type\":\"nope\",\"event_data\":{}}",
	    AT(IN("event_type"), TYPES) },
	{ EVENTS, "{\"event_type\":5,\"event_data\":[]}",
	    AT(IN("event_type"), TYPES) "," AT(
		IN("event_data"), "must be an object") },
	{ EVENTS,
	    "{\"event_type\":\"user_action\",\"event_data\":{},\"user_id\":7}",
	    AT(IN("user_id"), "must be a text") },
	{ EVENTS,
	    "{\"event_type\":\"user_action\",\"event_data\":{},"
	    "\"source_service\":null}",
	    AT(IN("source_service"), "must be a text") },
	NO_ID("user_id", "a "),
	NO_ID("user_id", "\\u0085"),
	/* Two different texts would become the same. */
	NO_ID("session_id", "a\\u0000"),
	NO_ID("user_id", "\\ud800"),
	{ EVENTS, "[]", AT("\"body\"", "must be an object") },
	{ EVENTS, "", AT("\"body\"", "is missing") },
	{ EVENTS, "{\"a\":1,}",
	    AT("\"body\",7", "is not JSON: '\\\"' expected") },
	{ BULK,
	    "{\"events\":[{\"event_type\":\"user_action\",\"event_data\":{}},"
	    "{\"event_type\":\"user_action\"},7]}",
	    AT("\"body\",\"events\",1,\"event_data\"", "is missing") "," AT(
		"\"body\",\"events\",2", "must be an object") },
	{ BULK, "{}", AT(IN("events"), "is missing") },
	{ BULK, "{\"events\":{}}", AT(IN("events"), "must be a list") },
	{ BULK, "{\"events\":[1,2,3,4]}",
	    AT(IN("events"), "has 4 items; 3 are allowed") },
	{ ANALYTICS,
	    "{\"id\":\"m\",\"conversation_id\":\"c\",\"channel_id\":\"h\","
	    "\"direction\":\"up\"}",
	    AT(IN("direction"), "must be one of inbound, outbound") },
	{ ANALYTICS,
	    "{\"id\":\"\",\"conversation_id\":\"c\",\"channel_id\":\"h\","
	    "\"direction\":\"inbound\",\"response_time\":\"soon\"}",
	    AT(IN("id"), "must not be empty") "," AT(
		IN("response_time"), "must be a number") },
	{ ANALYTICS,
	    "{\"id\":\"m\",\"conversation_id\":\"c\",\"channel_id\":\"h\","
	    "\"direction\":\"inbound\",\"response_time\":1e308}",
	    AT(IN("response_time"), "must be from -1e15 to 1e15") },
	{ ANALYTICS,
	    "{\"id\":\"m\",\"conversation_id\":\"c\",\"channel_id\":\"h\","
	    "\"direction\":\"inbound\",\"sentiment\":{\"score\":[]},"
	    "\"content\":{\"text\":5}}",
	    AT(IN("content") ",\"text\"", "must be a text") "," AT(
		IN("sentiment") ",\"score\"", "must be a number") },
};

static void
everything_that_is_wrong_is_answered(void **state)
{
	struct buf want = BUF_INIT;
	struct web_answer a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		a = world_post(&world, bad[i].path, &plain, bad[i].body,
		    strlen(bad[i].body));
		buf_setf(&want, "{\"detail\":[%s]}", bad[i].detail);
		if (a.status != 422 ||
		    strcmp(buf_str(&a.body), buf_str(&want)) != 0)
			fail_msg("%s %s: %d\n%s\n%s", bad[i].path, bad[i].body,
			    a.status, buf_str(&a.body), buf_str(&want));
		world_drop(&a);
	}
	buf_release(&want);
}

static void
expect_text(struct web_answer a, int status, const char *body)
{
	assert_int_equal(a.status, status);
	assert_string_equal(buf_str(&a.body), body);
	world_drop(&a);
}

#define GOOD "{\"event_type\":\"user_action\",\"event_data\":{}}"

static void
the_tenant_is_a_required_query(void **state)
{
	struct ask ask = plain;

	(void)state;
	ask.tenant = NULL;
	expect_text(world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD)), 422,
	    "{\"detail\":[" AT(TENANT, "is missing") "]}");
	ask.tenant = "../x";
	expect_text(world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD)), 422,
	    "{\"detail\":[" AT(TENANT,
		"must be 1 to 64 letters, digits and _.-, beginning "
		"with a letter, a digit or _") "]}");
	/* Both errors are reported, that of the query first. */
	ask.tenant = NULL;
	expect_text(world_post(&world, EVENTS, &ask, "", 0), 422,
	    "{\"detail\":[" AT(TENANT, "is missing") "," AT(
		"\"body\"", "is missing") "]}");
}

static void
a_body_of_another_type_is_refused(void **state)
{
	struct ask ask = plain;
	struct web_answer a;

	(void)state;
	ask.type = "application/x-www-form-urlencoded";
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	assert_int_equal(a.status, 415);
	world_drop(&a);
	ask.type = "application/vnd.api+json; charset=utf-8";
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	assert_int_equal(a.status, 200);
	world_drop(&a);
	ask.type = NULL;
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	assert_int_equal(a.status, 200);
	world_drop(&a);
}

static void
only_trusted_addresses_may_come_without_a_token(void **state)
{
	struct ask ask = plain;

	(void)state;
	ask.peer = "192.0.2.7";
	expect_text(world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD)), 403,
	    "{\"detail\":\"Forbidden\"}");
	ask.peer = "10.1.2.3";
	expect_text(
	    world_post(&world, BULK, &ask, "{\"events\":[]}", 13), 200, "[]");
}

/* Replaces a random id in the answer by ID; the record must have the same
 * id. */
static void
without_uuid(struct buf *b, struct buf *other)
{
	char *id = strstr(b->data, "\"id\":\"");
	char uuid[40];

	assert_non_null(id);
	id += 6;
	assert_int_equal(strcspn(id, "\""), 36);
	assert_int_equal(id[14], '4');
	assert_non_null(strchr("89ab", id[19]));
	memcpy(uuid, id, 36);
	uuid[36] = '\0';
	memcpy(id, "ID..................................", 36);
	id = strstr(other->data, uuid);
	assert_non_null(id);
	memcpy(id, "ID..................................", 36);
}

#define ID36 "ID.................................."

static const struct {
	const char *path, *body, *answer, *record;
} good[] = {
	/* As in the original's README. */
	{ EVENTS,
	    "{\"event_type\": \"message_sent\", \"event_data\": "
	    "{\"channel_id\": \"123\", \"user_id\": \"456\"}, "
	    "\"tenant_id\": \"tenant-1\"}",
	    "{\"id\":\"" ID36 "\",\"event_type\":\"message_sent\","
	    "\"source_service\":\"communication-hub\","
	    "\"event_data\":{\"channel_id\":\"123\",\"user_id\":\"456\"},"
	    "\"user_id\":null,\"session_id\":\"session_1795168800.123\","
	    "\"tenant_id\":\"t-1\","
	    "\"created_at\":\"2026-11-20T10:00:00.123Z\"}",
	    "{\"type\":\"event\",\"tenant\":\"t-1\",\"id\":\"" ID36 "\","
	    "\"user\":\"456\",\"event\":\"message_sent\",\"channel\":\"123\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\","
	    "\"data\":{\"source_service\":\"communication-hub\","
	    "\"session_id\":\"session_1795168800.123\",\"event_data\":"
	    "{\"channel_id\":\"123\",\"user_id\":\"456\"}}}\n" },
	/* The data keeps its values, as far as a number fits 64 bits or a
	 * double. */
	{ EVENTS,
	    " {\r\n \"event_type\" : \"user_action\", \"event_data\":\n"
	    "\t{ \"n\": 123456789012345678,\"r\" :1.10 ,\n"
	    "\"pi\":3.14159265358979323846,\"z\":-0.0,"
	    "\"s\":\"\\u00e9 \\n\\u0000\\\" \\ud800\", \"l\":[null, true ,{ "
	    "}], "
	    "\"user_id\" :7}"
	    ",\"user_id\":\"u\",\"session_id\":\"s\\u00e9\","
	    "\"source_service\":\"w\\u0000\"}\n",
	    "{\"id\":\"" ID36 "\",\"event_type\":\"user_action\","
	    "\"source_service\":\"w\xef\xbf\xbd\",\"event_data\":"
	    "{\"n\":123456789012345678,\"r\":1.1,"
	    "\"pi\":3.14159265358979,\"z\":-0.0,"
	    "\"s\":\"\xc3\xa9 \\n\xef\xbf\xbd\\\" "
	    "\xef\xbf\xbd\",\"l\":[null,true,{}],\"user_id\":7},"
	    "\"user_id\":\"u\",\"session_id\":\"s\xc3\xa9\",\"tenant_id\":\"t-"
	    "1\","
	    "\"created_at\":\"2026-11-20T10:00:00.123Z\"}",
	    "{\"type\":\"event\",\"tenant\":\"t-1\",\"id\":\"" ID36 "\","
	    "\"user\":\"u\",\"event\":\"user_action\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\","
	    "\"data\":{\"source_service\":\"w\xef\xbf\xbd\",\"session_id\":"
	    "\"s\xc3\xa9\","
	    "\"event_data\":{\"n\":123456789012345678,\"r\":1.1,"
	    "\"pi\":3.14159265358979,\"z\":-0.0,"
	    "\"s\":\"\xc3\xa9 \\n\xef\xbf\xbd\\\" "
	    "\xef\xbf\xbd\",\"l\":[null,true,{}],\"user_id\":7}}}\n" },
	{ EVENTS,
	    "\xef\xbb\xbf{\"event\\u005fdata\":{\"event_data\":{},"
	    "\"channel_id\":0,\"conversation_id\":1234567890123456789},"
	    "\"event_type\":\"user_action\",\"session_id\":\"s\"}",
	    "{\"id\":\"" ID36 "\",\"event_type\":\"user_action\","
	    "\"source_service\":\"communication-hub\","
	    "\"event_data\":{\"event_data\":{},\"channel_id\":0,"
	    "\"conversation_id\":1234567890123456789},"
	    "\"user_id\":null,\"session_id\":\"s\",\"tenant_id\":\"t-1\","
	    "\"created_at\":\"2026-11-20T10:00:00.123Z\"}",
	    "{\"type\":\"event\",\"tenant\":\"t-1\",\"id\":\"" ID36 "\","
	    "\"event\":\"user_action\",\"channel\":\"0\","
	    "\"chat\":\"1234567890123456789\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\",\"data\":{\"source_service\":"
	    "\"communication-hub\",\"session_id\":\"s\",\"event_data\":"
	    "{\"event_data\":{},\"channel_id\":0,"
	    "\"conversation_id\":1234567890123456789}}}\n" },
	/* Without sentiment and intent, where the original service fails. */
	{ ANALYTICS,
	    "{\"id\":\"m1\",\"conversation_id\":\"c1\",\"channel_id\":\"h1\","
	    "\"direction\":\"inbound\",\"content\":{\"text\":\"h\\u00e9llo\"},"
	    "\"sentiment\":null}",
	    "{\"id\":\"" ID36 "\",\"message_id\":\"m1\","
	    "\"conversation_id\":\"c1\",\"channel_id\":\"h1\","
	    "\"direction\":\"inbound\",\"message_length\":5,"
	    "\"sentiment_score\":null,\"sentiment_label\":null,"
	    "\"sentiment_confidence\":null,\"intent_name\":null,"
	    "\"intent_confidence\":null,\"response_time\":null,"
	    "\"tenant_id\":\"t-1\","
	    "\"created_at\":\"2026-11-20T10:00:00.123Z\"}",
	    "{\"type\":\"message\",\"tenant\":\"t-1\",\"id\":\"m1\","
	    "\"chat\":\"c1\",\"channel\":\"h1\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\",\"from\":\"customer\","
	    "\"about\":true,"
	    "\"data\":{\"analytics\":{\"id\":\"" ID36 "\","
	    "\"direction\":\"inbound\",\"message_length\":5,"
	    "\"response_time\":null}}}\n" },
	{ ANALYTICS,
	    "{\"id\":\"m1\",\"conversation_id\":\"c1\",\"channel_id\":\"h1\","
	    "\"direction\":\"outbound\",\"sentiment\":{\"score\":-0.25,"
	    "\"label\":\"negative\",\"confidence\":1,\"labels\":[]},"
	    "\"intent\":{\"name\":\"order\",\"confidence\":\"0.5\"},"
	    "\"response_time\":12}",
	    "{\"id\":\"" ID36 "\",\"message_id\":\"m1\","
	    "\"conversation_id\":\"c1\",\"channel_id\":\"h1\","
	    "\"direction\":\"outbound\",\"message_length\":0,"
	    "\"sentiment_score\":-0.25,\"sentiment_label\":\"negative\","
	    "\"sentiment_confidence\":1.0,\"intent_name\":\"order\","
	    "\"intent_confidence\":0.5,\"response_time\":12.0,"
	    "\"tenant_id\":\"t-1\","
	    "\"created_at\":\"2026-11-20T10:00:00.123Z\"}",
	    "{\"type\":\"message\",\"tenant\":\"t-1\",\"id\":\"m1\","
	    "\"chat\":\"c1\",\"channel\":\"h1\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\",\"from\":\"operator\","
	    "\"about\":true,"
	    "\"data\":{\"analytics\":{\"id\":\"" ID36 "\","
	    "\"direction\":\"outbound\",\"message_length\":0,"
	    "\"sentiment\":{\"score\":-0.25,\"label\":\"negative\","
	    "\"confidence\":1.0},\"intent\":{\"name\":\"order\","
	    "\"confidence\":0.5},\"response_time\":12.0}}}\n" },
};

static void
what_is_right_becomes_a_record_and_an_answer(void **state)
{
	struct web_answer a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		a = world_post(&world, good[i].path, &plain, good[i].body,
		    strlen(good[i].body));
		if (a.status != 200)
			fail_msg("%s: %s", good[i].body, buf_str(&a.body));
		without_uuid(&a.body, &a.records);
		assert_string_equal(buf_str(&a.body), good[i].answer);
		assert_string_equal(buf_str(&a.records), good[i].record);
		world_drop(&a);
	}
}

static void
a_bulk_is_all_or_nothing(void **state)
{
	static const char body[] = "{\"events\":[" GOOD "," GOOD "]}";
	struct ask ask = plain;
	struct web_answer a;

	(void)state;
	ask.key = "bulk-1";
	a = world_post(&world, BULK, &ask, body, strlen(body));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.records_n, 2);
	assert_non_null(strstr(buf_str(&a.records), "\"id\":\"bulk-1-"));
	assert_non_null(strstr(buf_str(&a.records), " 0\",\"event\""));
	assert_non_null(strstr(buf_str(&a.records), " 1\",\"event\""));
	assert_int_equal(buf_str(&a.body)[0], '[');
	world_drop(&a);
}

/* The next record must have that data; moves to its end. */
static void
expect_next(const char **records, const char *want)
{
	static const char mark[] = "\"event_data\":";
	const char *data = strstr(*records, mark);

	assert_non_null(data);
	data += strlen(mark);
	if (strncmp(data, want, strlen(want)) != 0 ||
	    strncmp(data + strlen(want), "}}\n", 3) != 0)
		fail_msg("%s, not %s", data, want);
	*records = strchr(data, '\n');
}

static void
each_of_a_bulk_has_its_data(void **state)
{
	static const char body[] =
	    "{ \"more\": [{}, \"events\"], \"events\" :\n[ "
	    "{\"event_data\":{\"n\":1.0}, \"event_type\":\"user_action\"} ,"
	    "{\"x\":{\"event_data\":{}},\"event_type\":\"user_action\",\n"
	    "\"event_data\" : { \"a]}\" : [1E3, \"]\"] } },\n" GOOD " ] }";
	const char *records;
	struct web_answer a;

	(void)state;
	a = world_post(&world, BULK, &plain, body, strlen(body));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.records_n, 3);
	records = buf_str(&a.records);
	expect_next(&records, "{\"n\":1.0}");
	expect_next(&records, "{\"a]}\":[1000.0,\"]\"]}");
	expect_next(&records, "{}");
	world_drop(&a);
}

/* It does not use up a key: the next request with that key is accepted. */
static void
what_is_too_large_for_a_record_is_refused(void **state)
{
	static const char few[] = "{\"events\":[" GOOD "]}";
	struct buf body = BUF_INIT, bulk = BUF_INIT;
	struct ask ask = plain;
	struct web_answer a;
	int i;

	(void)state;
	buf_adds(
	    &body, "{\"event_type\":\"user_action\",\"event_data\":{\"x\":\"");
	for (i = 0; i < RECORD_MAX_LINE / 6; i++)
		buf_adds(&body, "\\u0001");
	buf_adds(&body, "\"}}");
	buf_addf(&bulk, "{\"events\":[" GOOD ",%s]}", buf_str(&body));
	ask.key = "large";
	a = world_post(&world, EVENTS, &ask, body.data, body.len);
	assert_int_equal(a.status, 422);
	assert_non_null(strstr(buf_str(&a.body), "too large"));
	world_drop(&a);
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	assert_int_equal(a.status, 200);
	world_drop(&a);
	a = world_post(&world, BULK, &ask, bulk.data, bulk.len);
	assert_int_equal(a.status, 422);
	assert_non_null(strstr(buf_str(&a.body), "too large"));
	world_drop(&a);
	a = world_post(&world, BULK, &ask, few, strlen(few));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.records_n, 1);
	world_drop(&a);
	buf_release(&body);
	buf_release(&bulk);
}

static int
enter(void **state)
{
	static const char conf[] = "[crm t-1]\n"
				   "[listen]\n"
				   "max_events = 3\n"
				   "trusted = 127.0.0.1, 10.0.0.0/8\n";

	if (tmpdir_enter(state) != 0)
		return -1;
	world_open(&world, conf, NULL);
	return 0;
}

static int
leave(void **state)
{
	world_close(&world);
	return tmpdir_leave(state);
}

int
test_routes_events(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_is_wrong_is_answered),
		cmocka_unit_test(the_tenant_is_a_required_query),
		cmocka_unit_test(a_body_of_another_type_is_refused),
		cmocka_unit_test(
		    only_trusted_addresses_may_come_without_a_token),
		cmocka_unit_test(what_is_right_becomes_a_record_and_an_answer),
		cmocka_unit_test(a_bulk_is_all_or_nothing),
		cmocka_unit_test(each_of_a_bulk_has_its_data),
		cmocka_unit_test(what_is_too_large_for_a_record_is_refused),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
