/*
 * Test of asked_chats.h: a chat is called gone only if the list that lacks it
 * is whole, or as short as polls take it.
 */
#include "tests/unit/pull_world.h"

#include "poller/poll/asked_chats.h"
#include "poller/store/short_list.h"

/* The chat that is asked about is in no list, and is not found singly. */
static const struct reply whole[] = {
	{ "/dialogs?", 200, LIST("", "0") },
	{ "", 404, "{\"status\":\"error\",\"message\":\"not_found\"}" },
};
static const struct reply short_by_two[] = {
	{ "/dialogs?", 200, LIST("", "2") },
	{ "", 404, "{\"status\":\"error\",\"message\":\"not_found\"}" },
};

/* What is answered about chat 1. */
static enum exit_code
ask_about(const struct reply *to, const char *state, struct buf *out)
{
	const struct record chat = {
		.type = RECORD_CHAT, .chat = { "1", 1 }, .status = CHAT_OPEN
	};
	struct endpoint_options opt = { .conf = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct asked_chats q = { .tenant = tenant,
		.to = endpoint_open_write("out", &opt, &why, &code) };
	struct http *http = http_new();

	replies = to;
	fake_crm.answer = answer;
	fake_crm.requests = 0;
	asked_chats_add(&q, &chat);
	asked_chats_begin(&q, http, state);
	while (fetch_turn(http, &q.fetch, 1) > 0)
		;
	asked_chats_end(&q);
	http_free(http);
	assert_int_equal(endpoint_flush(q.to), OUTCOME_DONE);
	endpoint_close(q.to);
	buf_clear(out);
	assert_int_equal(file_read_path("out", 0, out), 0);
	assert_int_equal(unlink("out"), 0);
	fake_crm.answer = NULL;
	return q.code;
}

static bool
is_gone(const struct buf *out)
{
	return strstr(buf_str(out), "\"status\":\"gone\"") != NULL;
}

static void
only_a_whole_list_shows_that_one_is_gone(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(ask_about(whole, NULL, &out), PROG_OK);
	assert_true(is_gone(&out));
	assert_int_equal(ask_about(short_by_two, NULL, &out), PROG_TEMPFAIL);
	assert_false(is_gone(&out));
	buf_release(&out);
}

/* The list is read once then. */
static void
or_one_that_polls_take(void **state)
{
	struct store *s;
	struct buf out = BUF_INIT;
	int polls;

	(void)state;
	for (polls = 1; polls <= 3; polls++) {
		s = open_store(".", "acme", STORE_EXCLUSIVE);
		assert_int_equal(short_list_count(s, 2), polls == 3);
		commit_store(s);
		store_close(s);
		assert_int_equal(ask_about(short_by_two, ".", &out),
		    polls == 3 ? PROG_OK : PROG_TEMPFAIL);
		assert_int_equal(is_gone(&out), polls == 3);
	}
	assert_int_equal(fake_crm.requests, 2);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_list_shows_that_one_is_gone),
		cmocka_unit_test(or_one_that_polls_take),
	};

	return pull_world_run(tests, "chat2desk");
}
