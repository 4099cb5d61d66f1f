/*
 * Tests of a chat that another aggregator hands over: nothing of it is dropped
 * before its last record, however old it is, wherever flushes and restarts
 * fall; and what that record says counts as if its messages were there.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"

#define START INT64_C(1795168800000)
#define WINDOW INT64_C(1000)

static void
begin(struct model *m)
{
	model_stream_begin(m, WINDOW);
	m->memory = WINDOW;
}

static struct record
make(enum record_type type, const char *chat, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = type;
	r.chat = (struct text){ chat, strlen(chat) };
	r.at = START + at;
	return r;
}

/* Of a customer. */
static enum model_result
write_message(struct model *m, const char *chat, int64_t at, bool stale)
{
	struct record r = make(RECORD_MESSAGE, chat, at);

	r.id = (struct text){ "1", 1 };
	r.from = FROM_CUSTOMER;
	r.stale = stale;
	return model_add(m, &r);
}

/* That it is closed, and whose it is. */
static void
describe(struct model *m, int64_t at)
{
	struct record r = make(RECORD_CHAT, "a", at);

	r.status = CHAT_CLOSED;
	r.customer = (struct text){ "c1", 2 };
	r.stale = true;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

/* Messages up to that time closed it. */
static void
tell_history(struct model *m, int64_t at)
{
	struct record r = make(RECORD_HISTORY, "a", at);

	r.status = CHAT_CLOSED;
	r.status_at = r.at;
	r.episode = EPISODE_CLOSED_BY_MESSAGE;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

/* The chat goes into another model; it has no messages yet. */
static void
restart(struct model *m)
{
	const struct text id = { "a", 1 };

	model_stream_restart(m, model_find_chat(m, id), begin);
}

/* It was closed at 10, written to, closed again at 900 and written to at 1800:
 * never silent for a window, so its customer is still known. */
static void
a_chat_arrives_as_a_whole(void **state)
{
	const struct text id = { "a", 1 };
	const struct chat *c;
	struct model m;
	int cuts;

	(void)state;
	for (cuts = 0; cuts < 3; cuts++) {
		begin(&m);
		(void)write_message(&m, "b", 9000, false);
		describe(&m, 10);
		if (cuts > 0)
			model_stream_flush(&m);
		if (cuts > 1)
			restart(&m);
		model_stream_flush(&m);
		(void)write_message(&m, "a", 1800, true);
		if (cuts > 0)
			model_stream_flush(&m);
		c = model_find_chat(&m, id);
		assert_non_null(c);
		assert_false(chat_is_open(c));
		tell_history(&m, 900);
		model_stream_flush(&m);
		assert_true(chat_is_open(c));
		assert_true(text_is(model_name(&m, c->now.customer), "c1"));
		model_release(&m);
	}
}

/* It is handed over once more, after an error. */
static void
what_was_dropped_does_not_come_again(void **state)
{
	struct model m;

	(void)state;
	begin(&m);
	describe(&m, 10);
	assert_int_equal(write_message(&m, "a", 1800, true), MODEL_NEW);
	tell_history(&m, 900);
	model_stream_flush(&m);
	assert_int_equal(write_message(&m, "a", 500, true), MODEL_DUPLICATE);
	tell_history(&m, 900);
	model_stream_flush(&m);
	assert_int_equal(m.chats_n, 1);
	assert_int_equal(m.chats[0]->n, 1);
	assert_true(chat_is_open(m.chats[0]));
	model_release(&m);
}

/* Its episode is none that there is. */
static void
a_history_that_is_none_changes_nothing(void **state)
{
	struct record r = make(RECORD_HISTORY, "a", 900);
	struct model m;

	(void)state;
	begin(&m);
	r.status = CHAT_CLOSED;
	r.episode = EPISODE_CLOSED_BY_MESSAGE + 1;
	(void)model_add(&m, &r);
	assert_int_equal(m.chats_n, 1);
	assert_int_equal(m.chats[0]->dropped.at, CLOCK_NONE);
	model_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chat_arrives_as_a_whole),
		cmocka_unit_test(what_was_dropped_does_not_come_again),
		cmocka_unit_test(a_history_that_is_none_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
