/*
 * Tests of the JSON that routes accept: invalid JSON is reported with its
 * position, and every body gets an answer.
 */
#include "tests/unit/dice.h"
#include "tests/unit/route_world.h"

#define EVENTS "/api/v1/analytics/events"
#define BULK "/api/v1/analytics/events/bulk"
#define ANALYTICS "/api/v1/analytics/messages/analytics"
#define GOOD "{\"event_type\":\"user_action\",\"event_data\":{}}"

static struct world world;
static const struct ask plain = { .tenant = "t-1", .type = "application/json" };

/* The error message for invalid JSON, with its position. */
static const struct {
	const char *body, *error;
	int at;
} no_json[] = {
	{ " ", "a value expected", 1 },
	{ "{", "'\\\"' expected", 1 },
	{ "{\"a\"}", "':' expected", 4 },
	{ "{\"a\":}", "a value expected", 5 },
	{ "{\"a\":1 \"b\":2}", "',' or '}' expected", 7 },
	{ "[1 2]", "',' or ']' expected", 3 },
	{ "[1,]", "a value expected", 3 },
	{ "{} x", "more than one value", 3 },
	{ "01", "a number begins with 0", 1 },
	{ "1.", "a digit expected", 2 },
	{ "-", "a digit expected", 1 },
	{ "NaN", "a value expected", 0 },
	{ "{'a':1}", "'\\\"' expected", 1 },
	{ "\"abc", "an unterminated string", 4 },
	{ "\"\xc3\xa9\xc3\xa9\t\"", "a control character in a string", 3 },
	{ "\"a\\q\"", "unknown escape", 3 },
	{ "[\"\\u12x4\"]", "four hexadecimal digits expected", 6 },
	{ "{\"a\":1,\"a\":2}", "a name occurs twice", 0 },
	{ "[{\"\\u00e9\":1, \"\xc3\xa9\":2}]", "a name occurs twice", 0 },
};

static void
json_that_is_none_is_told_with_its_place(void **state)
{
	struct buf want = BUF_INIT;
	struct web_answer a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(no_json); i++) {
		a = world_post(&world, EVENTS, &plain, no_json[i].body,
		    strlen(no_json[i].body));
		buf_setf(&want, "is not JSON: %s\"", no_json[i].error);
		assert_int_equal(a.status, 422);
		if (strstr(buf_str(&a.body), buf_str(&want)) == NULL)
			fail_msg("%s: %s", no_json[i].body, buf_str(&a.body));
		buf_setf(&want, "\"loc\":[\"body\",%d]", no_json[i].at);
		if (strstr(buf_str(&a.body), buf_str(&want)) == NULL)
			fail_msg("%s: %s", no_json[i].body, buf_str(&a.body));
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

static void
bodies_that_nobody_can_read_are_400(void **state)
{
	static const char text[] =
	    "{\"detail\":\"There was an error parsing the body\"}";
	struct buf deep = BUF_INIT;
	int i;

	(void)state;
	expect_text(
	    world_post(&world, EVENTS, &plain, "\"\xff\"", 3), 400, text);
	for (i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	expect_text(
	    world_post(&world, EVENTS, &plain, deep.data, deep.len), 400, text);
	buf_release(&deep);
}

static void
a_nul_is_no_json(void **state)
{
	struct web_answer a;

	(void)state;
	a = world_post(&world, EVENTS, &plain, "{}\0{}", 5);
	assert_int_equal(a.status, 422);
	assert_non_null(strstr(buf_str(&a.body), "\"loc\":[\"body\",2]"));
	world_drop(&a);
}

/* Numbers of any size, and texts that cannot be kept unchanged; known fields
 * keep their types. */
static void
any_json_is_json(void **state)
{
	static const char *const more[] = {
		"\"x\":12345678901234567890",
		"\"x\":-1e400",
		"\"x\":[1E+99999,{\"\\u0000\":\"\\ud800\"}]",
		"\"session_id\":null,\"\\udc00\":\"\\u0000\"",
	};
	static const char *const not_texts[] = {
		"\"user_id\":12345678901234567890", "\"source_service\":1e400",
		"\"session_id\":1e400"
	};
	struct buf body = BUF_INIT;
	size_t i;
	struct web_answer a;

	(void)state;
	for (i = 0; i < ARRAY_LEN(more); i++) {
		buf_setf(&body,
		    "{\"event_type\":\"user_action\",\"event_data\":{},%s}",
		    more[i]);
		a = world_post(&world, EVENTS, &plain, body.data, body.len);
		if (a.status != 200)
			fail_msg("%s: %s", more[i], buf_str(&a.body));
		world_drop(&a);
	}
	for (i = 0; i < ARRAY_LEN(not_texts); i++) {
		buf_setf(&body,
		    "{\"event_type\":\"user_action\",\"event_data\":{},%s}",
		    not_texts[i]);
		a = world_post(&world, EVENTS, &plain, body.data, body.len);
		assert_int_equal(a.status, 422);
		assert_non_null(strstr(buf_str(&a.body), "must be a text"));
		world_drop(&a);
	}
	buf_release(&body);
}

/* Bodies with a few changed bytes: the answer is in the contract and is JSON,
 * and the records can be read, which world_post() checks. */
static void
whatever_comes_is_answered(void **state)
{
	static const char *const paths[] = { EVENTS, BULK, ANALYTICS };
	static const char letters[] = "{}[]\",:\\ u0123eE+-.tn\xc3\xa9\t";
	static const char *const bodies[] = {
		"{\"event_type\":\"user_action\",\"event_data\":{\"a\":[1.5,"
		"{\"b\":\"\\u00e9\"}]},\"user_id\":\"u\"}",
		"{\"events\":[" GOOD "," GOOD "]}",
		"{\"id\":\"m\",\"conversation_id\":\"c\",\"channel_id\":"
		"\"h\",\"direction\":\"inbound\",\"content\":{\"text\":"
		"\"x\"},\"sentiment\":{\"score\":0.5},\"response_time\":1}",
	};
	uint64_t dice = DICE_START;
	size_t i, j, n[600] = { 0 };
	struct web_answer a;
	char body[256];
	json_t *v;

	(void)state;
	for (i = 0; i < 30000; i++) {
		size_t which = i % 3, len = strlen(bodies[which]);

		memcpy(body, bodies[which], len + 1);
		for (j = dice_below(&dice, 4); j > 0; j--)
			body[dice_below(&dice, len)] =
			    letters[dice_below(&dice, sizeof letters - 1)];
		a = world_post(&world, paths[which], &plain, body, len);
		v = json_loadb(a.body.data, a.body.len, 0, NULL);
		if (v == NULL ||
		    (a.status != 200 && a.status != 400 && a.status != 422))
			fail_msg("%s: %d %s", body, a.status, buf_str(&a.body));
		n[a.status]++;
		json_decref(v);
		world_drop(&a);
	}
	assert_true(n[200] > 5000 && n[422] > 5000);
}

static int
enter(void **state)
{
	if (tmpdir_enter(state) != 0)
		return -1;
	world_open(&world, "[listen]\n", NULL);
	return 0;
}

static int
leave(void **state)
{
	world_close(&world);
	return tmpdir_leave(state);
}

int
test_routes_json(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_that_is_none_is_told_with_its_place),
		cmocka_unit_test(bodies_that_nobody_can_read_are_400),
		cmocka_unit_test(a_nul_is_no_json),
		cmocka_unit_test(any_json_is_json),
		cmocka_unit_test(whatever_comes_is_answered),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
