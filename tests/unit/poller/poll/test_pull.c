/*
 * Test of pull.h: whole polls of a CRM that is the test: when there is a
 * snapshot, and what is asked for it.
 */
#include "tests/unit/pull_world.h"

#include "poller/quota/usage.h"

#define TIME "2026-11-20T05:57:30 UTC"
#define DIALOG(id, last)                                                       \
	"{\"id\":" id ",\"state\":\"open\",\"begin\":\"" TIME "\","            \
	"\"operator_id\":5,\"last_request_id\":1,\"last_message\":" last "}"
#define MESSAGE(id, dialog)                                                    \
	"{\"id\":" id ",\"dialog_id\":" dialog ",\"request_id\":1,"            \
	"\"type\":\"from_client\",\"created\":\"" TIME "\"}"

#define OPERATORS                                                              \
	{                                                                      \
		"/operators", 200,                                             \
		    LIST("{\"id\":5,\"first_name\":\"Ann\"}", "1")             \
	}

/* Of three open chats the list shows the first. */
static const struct reply short_list[] = {
	OPERATORS,
	{ "offset=0", 200, LIST(DIALOG("1", MESSAGE("10", "1")), "3") },
	{ "/dialogs?", 200, LIST("", "3") },
	{ "/dialogs/2", 200,
	    "{\"status\":\"success\",\"data\":" DIALOG(
		"2", MESSAGE("20", "2")) "}" },
	{ "dialog_id=1&", 200, LIST(MESSAGE("10", "1"), "1") },
	{ "dialog_id=2&", 200, LIST(MESSAGE("20", "2"), "1") },
	{ "", 404, "" },
};

/* ... and does not answer what is asked about the second. */
static const struct reply silent_list[] = {
	OPERATORS,
	{ "offset=0", 200, LIST(DIALOG("1", MESSAGE("10", "1")), "3") },
	{ "/dialogs?", 200, LIST("", "3") },
	{ "/dialogs/2", 500, "" },
	{ "dialog_id=1&", 200, LIST(MESSAGE("10", "1"), "1") },
	{ "", 404, "" },
};

static const struct reply whole_list[] = {
	OPERATORS,
	{ "/dialogs?", 200,
	    LIST(DIALOG("1", MESSAGE("10", "1")) "," DIALOG(
		     "2", MESSAGE("20", "2")),
		"2") },
	{ "dialog_id=1&", 200, LIST(MESSAGE("10", "1"), "1") },
	{ "dialog_id=2&", 200, LIST(MESSAGE("20", "2"), "1") },
	{ "", 404, "" },
};

/* Nothing is listed, and more is said to be there than can be asked about. */
static const struct reply empty_list[] = {
	OPERATORS,
	{ "/dialogs?", 200, LIST("", "450") },
	{ "", 404, "" },
};

static void
assert_chats(const struct buf *out, bool first, bool second)
{
	assert_non_null(strstr(buf_str(out), "\"state\":\"end\""));
	assert_int_equal(strstr(buf_str(out), "\"chat\":\"1\"") != NULL, first);
	assert_int_equal(
	    strstr(buf_str(out), "\"chat\":\"2\"") != NULL, second);
}

/* A chat that such a list lacks is asked about, so it stays. */
static void
a_list_before_its_total_is_taken_the_third_time(void **state)
{
	struct buf out = BUF_INIT;
	int i;

	(void)state;
	assert_int_equal(poll_once(whole_list, &out), PROG_OK);
	assert_chats(&out, true, true);
	for (i = 0; i < 2; i++)
		assert_int_equal(poll_once(short_list, &out), PROG_TEMPFAIL);
	for (i = 0; i < 2; i++) {
		assert_int_equal(poll_once(short_list, &out), PROG_OK);
		assert_chats(&out, true, true);
		/* Operators, two pages, and the second chat. */
		assert_int_equal(fake_crm.requests, 4);
	}
	/* Without an answer it is asked about again. */
	assert_int_equal(poll_once(silent_list, &out), PROG_OK);
	assert_chats(&out, true, false);
	assert_int_equal(poll_once(short_list, &out), PROG_OK);
	assert_chats(&out, true, true);
	assert_int_equal(poll_once(whole_list, &out), PROG_OK);
	assert_int_equal(poll_once(short_list, &out), PROG_TEMPFAIL);
	buf_release(&out);
}

static void
a_list_that_lacks_many_is_never_taken(void **state)
{
	struct buf out = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(poll_once(empty_list, &out), PROG_TEMPFAIL);
	assert_int_equal(poll_once(whole_list, &out), PROG_OK);
	assert_chats(&out, true, true);
	buf_release(&out);
}

/* The CRM wants no call for half an hour. */
static void
what_has_nothing_to_ask_does_not_wait(void **state)
{
	struct endpoint_options opt = { .conf = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct endpoint *to = endpoint_open_write("out", &opt, &why, &code);
	struct store *s = open_store(".", "acme", STORE_EXCLUSIVE);
	struct http *http = http_new();
	struct pull *p;

	(void)state;
	fake_crm.requests = 0;
	assert_non_null(to);
	store_set_number(s, "hold_until", clock_now_ms() + HOUR_MS / 2);
	commit_store(s);
	p = pull_new(http, tenant, s, to);
	assert_int_equal(pull_step(p), 0);
	assert_true(pull_done(p));
	assert_int_equal(pull_code(p), PROG_TEMPFAIL);
	assert_int_equal(fake_crm.requests, 0);
	pull_free(p);
	http_free(http);
	store_close(s);
	endpoint_close(to);
}

/* It is the only chat. */
static const struct reply forbidden[] = {
	OPERATORS,
	{ "/dialogs?", 200, LIST(DIALOG("9", MESSAGE("90", "9")), "1") },
	{ "dialog_id=9&", 403,
	    "{\"status\":\"error\",\"message\":\"forbidden\"}" },
	{ "", 404, "" },
};

static void
a_forbidden_chat_is_shown_as_last_read(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(poll_once(forbidden, &out), PROG_UNAVAILABLE);
	assert_int_equal(poll_once(forbidden, &out), PROG_UNAVAILABLE);
	assert_int_equal(poll_once(forbidden, &out), PROG_OK);
	assert_non_null(strstr(buf_str(&out), "\"chat\":\"9\""));
	assert_non_null(strstr(buf_str(&out), "\"stale\":true"));
	buf_release(&out);
}

/* A page of so many chats. */
static void
list_chats(int n, struct buf *to)
{
	int i;

	buf_adds(to, "{\"data\":[");
	for (i = 1; i <= n; i++)
		buf_addf(to, "%s{\"id\":%d,\"state\":\"open\"}",
		    i > 1 ? "," : "", i);
	buf_addf(to, "],\"meta\":{\"total\":%d}}", n);
}

/* It is the state of another tenant, of which nothing was polled. */
static void
a_killed_poll_has_counted_its_calls(void **state)
{
	struct endpoint_options opt = { .conf = NULL };
	struct buf why = BUF_INIT, chats = BUF_INIT;
	struct reply many[] = { OPERATORS, { "/dialogs?", 200, NULL },
		{ "", 200, LIST("", "0") } };
	enum exit_code code;
	struct endpoint *to = endpoint_open_write("out", &opt, &why, &code);
	struct store *s = open_store(".", "killed", STORE_EXCLUSIVE);
	struct http *http = http_new();
	struct pull *p;

	(void)state;
	list_chats(100, &chats);
	many[1].body = buf_str(&chats);
	replies = many;
	fake_crm.answer = answer;
	fake_crm.requests = 0;
	p = pull_new(http, tenant, s, to);
	while (fake_crm.requests < 70) {
		assert_false(pull_done(p));
		(void)pull_step(p);
		handle_answers(http);
	}
	/* Killed: nothing more is committed. */
	pull_free(p);
	store_close(s);
	s = open_store(".", "killed", STORE_EXCLUSIVE);
	assert_in_range(usage_month(s, clock_now_ms()), 50, 70);
	store_close(s);
	http_free(http);
	endpoint_close(to);
	buf_release(&chats);
	fake_crm.answer = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_list_before_its_total_is_taken_the_third_time),
		cmocka_unit_test(a_list_that_lacks_many_is_never_taken),
		cmocka_unit_test(a_forbidden_chat_is_shown_as_last_read),
		cmocka_unit_test(a_killed_poll_has_counted_its_calls),
		cmocka_unit_test(what_has_nothing_to_ask_does_not_wait),
	};

	return pull_world_run(tests, "chat2desk");
}
