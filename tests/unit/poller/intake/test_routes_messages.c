/*
 * Tests of POST /api/v1/messages/send against its contract, of who may use it,
 * and of tokens, which the collecting routes accept, too.
 */
#include "tests/unit/route_world.h"

#include <sys/wait.h>

#include "poller/crm/store.h"
#include "poller/intake/route.h"
#include "tests/unit/jwt_vectors.h"

#define SEND "/api/v1/messages/send"
#define EVENTS "/api/v1/analytics/events"
#define EVENT "{\"event_type\":\"user_action\",\"event_data\":{}}"

static const char conf[] = "[crm acme]\n"
			   "operators = anna, 17, robot\n"
			   "bot_operators = robot, 99\n"
			   "[crm other]\n"
			   "operators = bob\n"
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

/* Returns a string of the answer, owned. */
static char *
said(const struct web_answer *a, const char *name)
{
	json_t *v = json_loads(buf_str(&a->body), 0, NULL);
	const char *s = json_string_value(json_object_get(v, name));
	char *copy = s != NULL ? xstrdup(s) : NULL;

	json_decref(v);
	if (copy == NULL)
		fail_msg("no %s in %s", name, buf_str(&a->body));
	return copy;
}

static void
the_request_of_the_readme_works(void **state)
{
	struct buf want = BUF_INIT;
	struct web_answer a;
	struct world w;
	char *id;

	(void)state;
	world_open(&w, conf, NULL);
	a = send_text(&w, &plain, readme);
	assert_int_equal(a.status, 200);
	id = said(&a, "message_id");
	assert_int_equal(strspn(id, "msg-"), 4);
	assert_int_equal(strspn(id + 4, "0123456789"), 19);
	assert_int_equal(strlen(id), 23);
	/* Made with openssl dgst -sha256 -hmac conversation from alice, NUL,
	 * bob. */
	buf_setf(&want,
	    "{\"status\":\"success\",\"message_id\":\"%s\","
	    "\"conversation_id\":\"conv-e45069dcdc2f393c4fbdeda3\"}\n",
	    id);
	assert_string_equal(buf_str(&a.body), buf_str(&want));
	buf_setf(&want,
	    "{\"type\":\"message\",\"tenant\":\"acme\",\"id\":\"%s\","
	    "\"chat\":\"conv-e45069dcdc2f393c4fbdeda3\","
	    "\"at\":\"2026-11-20T10:00:00.123Z\",\"from\":\"customer\","
	    "\"user\":\"alice\",\"to\":\"bob\",\"kind\":\"text\","
	    "\"text\":\"Hello Bob! Let's discuss the project deadline.\"}\n",
	    id);
	assert_string_equal(buf_str(&a.records), buf_str(&want));
	free(id);
	world_drop(&a);
	world_close(&w);
	buf_release(&want);
}

static void
both_directions_are_one_conversation(void **state)
{
	char one[ROUTE_ID], two[ROUTE_ID], three[ROUTE_ID];

	(void)state;
	route_conversation("alice", "bob", one);
	route_conversation("bob", "alice", two);
	route_conversation("alic", "ebob", three);
	assert_string_equal(one, two);
	assert_string_not_equal(one, three);
	route_conversation("a", "a", one); /* notes to oneself */
	assert_int_equal(strlen(one), 5 + 24);
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
an_operator_is_who_is_listed(void **state)
{
	static const struct {
		const char *sender, *from;
	} senders[] = {
		{ "anna", "\"from\":\"operator\",\"user\":\"anna\","
			  "\"operator\":\"anna\"" },
		{ "17", "\"from\":\"operator\"" },
		{ "bob", "\"from\":\"customer\",\"user\":\"bob\"" },
		{ "an", "\"from\":\"customer\"" },
		{ "robot", "\"from\":\"bot\",\"user\":\"robot\","
			   "\"kind\"" },
		{ "99", "\"from\":\"bot\",\"user\":\"99\",\"kind\"" },
	};
	struct buf body = BUF_INIT;
	struct web_answer a;
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, conf, NULL);
	for (i = 0; i < ARRAY_LEN(senders); i++) {
		buf_setf(&body,
		    "{\"sender_id\":\"%s\",\"conversation_id\":\"c\"}",
		    senders[i].sender);
		a = send_text(&w, &plain, buf_str(&body));
		assert_int_equal(a.status, 200);
		if (strstr(buf_str(&a.records), senders[i].from) == NULL)
			fail_msg(
			    "%s: %s", senders[i].sender, buf_str(&a.records));
		world_drop(&a);
	}
	world_close(&w);
	buf_release(&body);
}

/* Runs in another process, because LMDB must not open a file twice in one
 * process. */
static void
put_operators(const char *dir, const char *text)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct store *s;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		s = store_open(dir, "acme", STORE_EXCLUSIVE, &code, &why);
		if (s == NULL)
			_exit(1);
		store_put(s, STORE_META, "operator_rows", text, strlen(text));
		code = store_commit(s, &why);
		store_close(s);
		_exit(code == PROG_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool
is_operator(const struct world *w, const char *body, int64_t now)
{
	struct ask ask = plain;
	struct web_answer a;
	bool yes;

	ask.now_ms = now;
	a = send_text(w, &ask, body);
	assert_int_equal(a.status, 200);
	yes = strstr(buf_str(&a.records), "\"from\":\"operator\"") != NULL;
	world_drop(&a);
	return yes;
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

/* The poller's state is read again after a minute. */
static void
an_operator_is_who_the_poller_saw(void **state)
{
	static const char first[] = "{\"x1\":{\"name\":\"X\"},\"x2\":{}}";
	static const char later[] = "{\"x3\":{}}";
	static const char x2[] =
	    "{\"sender_id\":\"x2\",\"conversation_id\":\"c\"}";
	static const char x3[] =
	    "{\"sender_id\":\"x3\",\"conversation_id\":\"c\"}";
	struct world w;

	(void)state;
	world_open(&w, conf, "state"); /* there is no such state yet */
	assert_false(is_operator(&w, x2, WORLD_NOW));
	put_operators("state", first);
	assert_false(is_operator(&w, x2, WORLD_NOW + 59999));
	assert_true(is_operator(&w, x2, WORLD_NOW + 60000));
	assert_false(is_operator(&w, x3, WORLD_NOW + 60000));
	put_operators("state", later);
	assert_true(is_operator(&w, x3, WORLD_NOW + 120000));
	assert_false(is_operator(&w, x2, WORLD_NOW + 120000));
	world_close(&w);
	empty_state();
}

/* The listener has a state of its own, as with the shipped systemd units. The
 * poller's state is read when it appears, and again after it was replaced. The
 * reader creates nothing there. */
static void
the_pollers_state_is_another_folder(void **state)
{
	static const char two[] = "[crm acme]\n[listen]\ntenant = acme\n"
				  "[poller]\nstate = polled\n";
	static const char x1[] =
	    "{\"sender_id\":\"x1\",\"conversation_id\":\"c\"}";
	static const char is_x1[] = "{\"x1\":{}}";
	static const char is_x2[] = "{\"x2\":{}}";
	char told[1024];
	struct world w;
	int saved = tmpdir_catch_stderr(), i;

	(void)state;
	world_open(&w, two, "state");
	for (i = 0; i < 3; i++)
		assert_false(is_operator(&w, x1, WORLD_NOW + i * 60000));
	tmpdir_stderr(saved, told, sizeof told);
	assert_non_null(strstr(told, "acme"));
	assert_non_null(strstr(told, "there is no state 'polled/acme.mdb'"));
	assert_non_null(strstr(told, "[poller] state"));
	assert_ptr_equal(strchr(told, '\n'), strrchr(told, '\n'));
	assert_int_equal(access("polled", F_OK), -1);
	put_operators("state", is_x1); /* not the poller's */
	put_operators("polled", is_x2);
	assert_false(is_operator(&w, x1, WORLD_NOW + 3 * 60000));
	tmpdir_empty("polled");
	assert_false(is_operator(&w, x1, WORLD_NOW + 4 * 60000));
	assert_int_equal(access("polled/acme.mdb", F_OK), -1);
	put_operators("polled", is_x1);
	assert_true(is_operator(&w, x1, WORLD_NOW + 5 * 60000));
	world_close(&w);
	empty_folder("polled");
	empty_state();
}

static const struct {
	const char *body, *answer;
} bad[] = {
	{ "", "Invalid request\n" },
	{ "{", "Invalid request\n" },
	{ "nonsense", "Invalid request\n" },
	{ "[]", "Invalid request: body must be an object\n" },
	{ "{\"sender_id\":5,\"receiver_id\":\"b\"}",
	    "Invalid request: sender_id must be a text\n" },
	{ "{\"sender_id\":\"a\",\"receiver_id\":\"b\",\"content\":[]}",
	    "Invalid request: content must be a text\n" },
	{ "{\"sender_id\":\"a\\ud800\",\"receiver_id\":\"b\"}",
	    "Invalid request: sender_id must not have control characters or a "
	    "space at its end\n" },
	{ "{\"sender_id\":\"a\",\"sender_id\":\"b\",\"receiver_id\":\"b\"}",
	    "Invalid request\n" },
	{ "{}", "Invalid request: sender_id is missing\n" },
	{ "{\"sender_id\":\"\",\"receiver_id\":\"b\"}",
	    "Invalid request: sender_id must not be empty\n" },
	{ "{\"sender_id\":\"a\"}",
	    "Invalid request: conversation_id or receiver_id is required\n" },
};

static void
bad_input_is_400_and_nothing_is_published(void **state)
{
	struct web_answer a;
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, conf, NULL);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		a = send_text(&w, &plain, bad[i].body);
		if (a.status != 400 ||
		    strcmp(buf_str(&a.body), bad[i].answer) != 0)
			fail_msg("%s: %d %s", bad[i].body, a.status,
			    buf_str(&a.body));
		assert_string_equal(
		    a.content_type, "text/plain; charset=utf-8");
		world_drop(&a);
	}
	world_close(&w);
}

/* A character that cannot be stored does not lose the message. */
static void
a_text_is_kept_as_well_as_can_be(void **state)
{
	struct web_answer a;
	struct world w;

	(void)state;
	world_open(&w, conf, NULL);
	a = send_text(&w, &plain,
	    "{\"sender_id\":\"a\",\"receiver_id\":\"b\",\"x\":1e400,"
	    "\"content\":\"1\\u00002\\ud800\"}");
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(buf_str(&a.records), "\"text\":\"1\xef\xbf\xbd"
						    "2\xef\xbf\xbd\""));
	world_drop(&a);
	world_close(&w);
}

/* In characters, not in bytes. */
static void
a_long_text_is_refused(void **state)
{
	struct buf body = BUF_INIT;
	struct web_answer a;
	struct world w;
	int i, more;

	(void)state;
	world_open(&w, conf, NULL);
	for (more = 0; more < 2; more++) {
		buf_setf(&body, "{\"sender_id\":\"a\",\"receiver_id\":\"b\","
				"\"content\":\"");
		for (i = 0; i < 65536 + more; i++)
			buf_adds(&body, "\xc3\xa9");
		buf_adds(&body, "\"}");
		a = send_text(&w, &plain, buf_str(&body));
		assert_int_equal(a.status, more == 0 ? 200 : 400);
		world_drop(&a);
	}
	world_close(&w);
	buf_release(&body);
}

static void
without_a_tenant_there_is_no_such_route(void **state)
{
	struct ask far = plain;
	struct web_answer a;
	struct world w;

	(void)state;
	world_open(&w, "[crm acme]\n", NULL);
	a = send_text(&w, &plain, readme);
	assert_int_equal(a.status, 404);
	world_drop(&a);
	world_close(&w);
	world_open(&w, conf, NULL);
	far.peer = "192.0.2.1";
	a = send_text(&w, &far, readme);
	assert_int_equal(a.status, 404);
	assert_string_equal(buf_str(&a.body), "{\"detail\":\"Not Found\"}");
	world_drop(&a);
	world_close(&w);
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
		/* The listener is restarted, and bob's colleague has become an
		 * operator: the message stays as it was. */
		world_close(&w);
		world_open(&w,
		    "[crm acme]\noperators = alice\n[listen]\ntenant = acme\n",
		    "state");
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

/* The writer is no longer a bot, but the message stays a bot's. */
static void
a_retry_is_of_the_same_writer(void **state)
{
	static const char body[] =
	    "{\"sender_id\":\"robot\",\"conversation_id\":\"c\"}";
	struct ask ask = plain;
	struct web_answer a, b;
	struct world w;

	(void)state;
	ask.key = "order-78";
	world_open(&w, conf, "state");
	a = send_text(&w, &ask, body);
	assert_non_null(strstr(buf_str(&a.records), "\"from\":\"bot\""));
	world_close(&w);
	world_open(&w,
	    "[crm acme]\noperators = robot\n[listen]\ntenant = acme\n",
	    "state");
	b = send_text(&w, &ask, body);
	assert_string_equal(buf_str(&a.records), buf_str(&b.records));
	world_drop(&a);
	world_drop(&b);
	world_close(&w);
	empty_state();
}

static const char with_key[] =
    "[crm acme]\n[listen]\nsecret_key = " VECTOR_KEY "\n"
    "trusted = 127.0.0.1\n";

static void
a_token_is_asked_for_when_there_is_a_key(void **state)
{
	struct buf header = BUF_INIT;
	struct ask ask = { .tenant = "other", .peer = "192.0.2.1" };
	struct web_answer a;
	struct world w;

	(void)state;
	world_open(&w, with_key, NULL);
	a = send_text(&w, &plain, readme);
	assert_int_equal(a.status, 401);
	assert_string_equal(a.authenticate, "Bearer");
	world_drop(&a);
	/* The token is checked before the body. */
	a = world_post(&w, EVENTS, &plain, "{", 1);
	assert_int_equal(a.status, 401);
	world_drop(&a);
	ask.authorization = "Basic YTpi";
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 401);
	world_drop(&a);
	ask.authorization = "Bearer a.b.c";
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 401);
	assert_string_equal(a.authenticate, "Bearer error=\"invalid_token\"");
	world_drop(&a);
	/* The token counts, from any address and regardless of the query. */
	buf_setf(&header, "bearer %s", VECTOR_TOKEN);
	ask.authorization = buf_str(&header);
	a = world_post(&w, EVENTS, &ask, EVENT, strlen(EVENT));
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(buf_str(&a.records), "\"tenant\":\"acme\""));
	assert_non_null(strstr(buf_str(&a.body), "\"tenant_id\":\"acme\""));
	world_drop(&a);
	ask.tenant = NULL;
	a = send_text(&w, &ask, readme);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(buf_str(&a.records), "\"tenant\":\"acme\""));
	world_drop(&a);
	world_close(&w);
	buf_release(&header);
}

static void
a_configuration_that_cannot_be_is_refused(void **state)
{
	static const char *const texts[][2] = {
		{ "[listen]\nsecret_key = short\n", "5 bytes" },
		{ "[listen]\ntenant = ../x\n", "tenant is not a name" },
		{ "[listen]\ntrusted = nowhere\n", "trusted" },
		{ "[listen]\nsecret_key_file = missing\n", "secret_key_file" },
		{ "[listen]\nsecret_key_old_file = key\n", "no key" },
		{ "[listen]\nsecret_key_file = key\nsecret_key = " VECTOR_KEY
		  "\n",
		    "both" },
	};
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *c;
	size_t i;

	(void)state;
	tmpdir_file("key", VECTOR_OLD_KEY "\n", 33, 0600);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		tmpdir_file(
		    "messaging.conf", texts[i][0], strlen(texts[i][0]), 0600);
		c = conf_load("messaging.conf", &why);
		assert_non_null(c);
		assert_null(listener_context_open(c, NULL, NULL, &code, &why));
		assert_int_equal(code, PROG_CONFIG);
		if (strstr(buf_str(&why), texts[i][1]) == NULL)
			fail_msg("%s: %s", texts[i][0], buf_str(&why));
		assert_null(strstr(buf_str(&why), VECTOR_KEY));
		conf_free(c);
	}
	buf_release(&why);
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
test_routes_messages(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_of_the_readme_works),
		cmocka_unit_test(both_directions_are_one_conversation),
		cmocka_unit_test(message_ids_are_never_the_same),
		cmocka_unit_test(an_operator_is_who_is_listed),
		cmocka_unit_test(an_operator_is_who_the_poller_saw),
		cmocka_unit_test(the_pollers_state_is_another_folder),
		cmocka_unit_test(bad_input_is_400_and_nothing_is_published),
		cmocka_unit_test(a_text_is_kept_as_well_as_can_be),
		cmocka_unit_test(a_long_text_is_refused),
		cmocka_unit_test(without_a_tenant_there_is_no_such_route),
		cmocka_unit_test(a_retry_is_the_same_message),
		cmocka_unit_test(a_retry_is_of_the_same_writer),
		cmocka_unit_test(a_token_is_asked_for_when_there_is_a_key),
		cmocka_unit_test(a_configuration_that_cannot_be_is_refused),
		cmocka_unit_test(keys_come_from_files_and_change),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
