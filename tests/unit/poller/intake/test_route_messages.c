/*
 * Tests of POST /api/v1/messages/send after some time: its ids, what a retry
 * is, and keys of tokens that change. tests/cases/routes has its contract.
 */
#include "tests/unit/route_world.h"

#include "poller/intake/route.h"
#include "tests/unit/jwt_vectors.h"

#define SEND "/api/v1/messages/send"
#define EVENTS "/api/v1/analytics/events"
#define EVENT "{\"event_type\":\"user_action\",\"event_data\":{}}"

static const char conf[] = "[crm acme]\n"
			   "[listen]\n"
			   "tenant = acme\n";

static const struct ask plain = { .type = "application/json" };

/* As in the original's README, including its apostrophe, which must be escaped
 * in a shell. */
static const char readme[] =
    "{\n    \"sender_id\": \"alice\",\n    \"receiver_id\": \"bob\",\n"
    "    \"content\": \"Hello Bob! Let's discuss the project deadline.\",\n"
    "    \"message_type\": \"text\"\n  }";

static struct web_answer
send_text(const struct world *w, const struct ask *ask, const char *body)
{
	return world_post(w, SEND, ask, body, strlen(body));
}

static void
message_ids_are_never_the_same(void **state)
{
	char last[ROUTE_ID] = "", id[ROUTE_ID];
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		route_message_id(id);
		assert_int_equal(strlen(id), 23);
		if (strcmp(id, last) <= 0)
			fail_msg("%s after %s", id, last);
		memcpy(last, id, sizeof last);
	}
}

static void
empty_folder(const char *dir)
{
	tmpdir_empty(dir);
	assert_int_equal(rmdir(dir), 0);
}

static void
empty_state(void)
{
	empty_folder("state/spool");
	empty_folder("state");
}

static void
a_retry_is_the_same_message(void **state)
{
	struct ask ask = plain;
	struct web_answer a, b;
	struct world w;
	int i;

	(void)state;
	ask.key = "order-77";
	world_open(&w, conf, "state");
	a = send_text(&w, &ask, readme);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(buf_str(&a.body), "\"message_id\":\"order-77-"));
	for (i = 0; i < 2; i++) {
		ask.now_ms = WORLD_NOW + 3600000 * (i + 1);
		b = send_text(&w, &ask, readme);
		assert_string_equal(buf_str(&a.body), buf_str(&b.body));
		assert_string_equal(buf_str(&a.records), buf_str(&b.records));
		world_drop(&b);
		/* The listener is restarted. */
		world_close(&w);
		world_open(&w, conf, "state");
	}
	b = send_text(
	    &w, &ask, "{\"sender_id\":\"alice\",\"receiver_id\":\"bob\"}");
	assert_int_equal(b.status, 400);
	world_drop(&b);
	/* A day later, it is another message. */
	ask.now_ms = WORLD_NOW + 24 * 3600000;
	b = send_text(&w, &ask, readme);
	assert_int_equal(b.status, 200);
	assert_string_not_equal(buf_str(&a.body), buf_str(&b.body));
	world_drop(&b);
	world_drop(&a);
	world_close(&w);
	empty_state();
}

/* Two keys are valid at a time: the file's present key and the one before. */
static void
keys_come_from_files_and_change(void **state)
{
	struct buf header = BUF_INIT;
	struct ask ask = { .peer = "192.0.2.1" };
	struct web_answer a;
	struct world w;

	(void)state;
	tmpdir_file("key", VECTOR_OLD_KEY "\n", 33, 0600);
	tmpdir_file("old", VECTOR_KEY "\n", 33, 0600);
	world_open(&w,
	    "[listen]\nsecret_key_file = key\nsecret_key_old_file = old\n",
	    NULL);
	buf_setf(&header, "Bearer %s", VECTOR_TOKEN);
	ask.authorization = buf_str(&header);
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 200);
	world_drop(&a);
	world_close(&w);
	world_open(&w, "[listen]\nsecret_key_file = key\n", NULL);
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 401);
	world_drop(&a);
	world_close(&w);
	/* The environment replaces the file. */
	assert_int_equal(setenv("SECRET_KEY", VECTOR_KEY, 1), 0);
	world_open(&w, "[listen]\nsecret_key_file = key\n", NULL);
	assert_null(getenv("SECRET_KEY"));
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 200);
	world_drop(&a);
	world_close(&w);
	buf_release(&header);
}

int
test_route_messages(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_ids_are_never_the_same),
		cmocka_unit_test(a_retry_is_the_same_message),
		cmocka_unit_test(keys_come_from_files_and_change),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
