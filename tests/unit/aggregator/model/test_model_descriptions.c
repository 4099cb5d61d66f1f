/*
 * Tests of a chat with many chat records within the window: each counts at its
 * time, also when a late one comes among those that repeat each other; and they
 * take little room in the state. And of one with very many in a file, which the
 * test would not live to see in its order if each looked for its place.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"

#define START INT64_C(1795168800000)
#define WINDOW INT64_C(1000000)
#define MANY 60
#define STEP INT64_C(100)
#define IN_A_FILE INT64_C(400000)

static const struct text id = { "a", 1 };

/* Of each operator, whose name is a digit: how many customers went away without
 * an answer. */
static int unanswered[10];

static void
count_unanswered(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	struct text operator_id = interval_operator(m, i);

	(void)ctx;
	(void)c;
	if (i->kind == INTERVAL_UNANSWERED)
		unanswered[operator_id.p[0] - '0'] += withdrawn ? -1 : 1;
}

static void
begin(struct model *m)
{
	model_stream_begin(m, WINDOW);
	m->memory = WINDOW;
	m->on_interval = count_unanswered;
}

/* A record of chat a: that operator has it since then. */
static void
describe(struct model *m, int64_t at, const char *operator_id)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = id;
	r.at = START + at;
	r.status = CHAT_OPEN;
	r.operator_id = (struct text){ operator_id, 1 };
	r.customer_name = (struct text){ "Ann Lee", 7 };
	(void)model_add(m, &r);
}

static void
write_message(struct model *m, int64_t at, enum message_from from,
    const char *name, const char *kind)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = id;
	r.id = (struct text){ name, 1 };
	r.at = START + at;
	r.from = from;
	r.kind = (struct text){ kind, kind != NULL ? strlen(kind) : 0 };
	if (from == FROM_SYSTEM)
		r.operator_id = (struct text){ "8", 1 };
	(void)model_add(m, &r);
}

/* The records of a busy chat, which all say the same, flushed now and then. */
static void
describe_many(struct model *m, int64_t n)
{
	int64_t i;

	for (i = 0; i < n; i++) {
		describe(m, i * STEP, "7");
		if (i % 50 == 0)
			model_stream_flush(m);
	}
}

/* Whoever has the chat when it is closed has the wait: a record or a message
 * between two of the repeated records names somebody else until the next. */
static void
a_late_record_counts_up_to_the_next(void **state)
{
	int64_t late = 20 * STEP + STEP / 2;
	struct model m;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&m);
		write_message(&m, 1, FROM_CUSTOMER, "1", NULL);
		describe_many(&m, MANY);
		if (i == 0)
			describe(&m, late, "8");
		else
			write_message(&m, late, FROM_SYSTEM, "3", "assigned");
		model_stream_flush(&m);
		write_message(&m, 40 * STEP + 1, FROM_SYSTEM, "2", "closed");
		model_stream_flush(&m);
		assert_int_equal(unanswered[8], 0);
		assert_int_equal(unanswered[7], i + 1);
		model_release(&m);
	}
}

/* Once nothing can come between them. */
static void
repeated_records_go_with_the_window(void **state)
{
	struct model m;

	(void)state;
	begin(&m);
	describe_many(&m, MANY);
	model_stream_flush(&m);
	assert_int_equal(m.chats[0]->described, MANY);
	describe(&m, MANY * STEP + WINDOW, "7");
	describe(&m, MANY * STEP + WINDOW + 1, "7");
	model_stream_flush(&m);
	assert_true(m.chats[0]->described <= 4);
	model_release(&m);
}

/* As a poll each minute leaves them. */
static void
more_than_that_do_not_grow(void **state)
{
	struct model m;

	(void)state;
	begin(&m);
	describe_many(&m, 20 * MANY);
	model_stream_flush(&m);
	assert_in_range(m.chats[0]->described, 2, 64);
	model_release(&m);
}

/* Some bytes a record, and none is lost. */
static void
they_take_little_room_in_the_state(void **state)
{
	struct buf b[2] = { BUF_INIT, BUF_INIT };
	struct model m, n;
	const struct chat *c;

	(void)state;
	begin(&m);
	begin(&n);
	describe_many(&m, MANY);
	describe(&m, MANY * STEP, "8");
	describe(&m, MANY * STEP + 1, "9");
	describe(&m, MANY * STEP + 2, "9");
	model_stream_flush(&m);
	model_pack_chat(&m, m.chats[0], &b[0]);
	assert_true(b[0].len < MANY * 5);
	assert_int_equal(model_unpack_chat(&n, b[0].data, b[0].len, 1), 0);
	c = n.chats[0];
	assert_int_equal(c->described, MANY + 3);
	assert_true(text_is(model_name(&n, c->now.assignee), "9"));
	model_pack_chat(&n, c, &b[1]);
	assert_int_equal(b[0].len, b[1].len);
	assert_memory_equal(b[0].data, b[1].data, b[0].len);
	model_release(&m);
	model_release(&n);
	buf_release(&b[0]);
	buf_release(&b[1]);
}

/* What it says holds for whatever comes, also after a flush. */
static void
one_without_a_time_is_not_forgotten(void **state)
{
	struct record r;
	struct model m;

	(void)state;
	begin(&m);
	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = id;
	r.status = CHAT_CLOSED;
	r.closed_at = START + 5;
	r.channel = (struct text){ "w", 1 };
	r.operator_id = (struct text){ "7", 1 };
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	record_clear(&r);
	r.type = RECORD_CLOCK;
	r.at = START + 6;
	assert_int_equal(model_add(&m, &r), MODEL_SKIPPED);
	model_stream_flush(&m);
	write_message(&m, 4, FROM_CUSTOMER, "1", NULL);
	model_stream_flush(&m);
	assert_int_equal(m.chats[0]->described, 1);
	assert_true(text_is(model_name(&m, m.chats[0]->now.channel), "w"));
	model_release(&m);
}

/* Two operators take turns, and the 1001st record's has it when it closes. */
static void
by_hand_they_come_in_any_order(void **state)
{
	static const int64_t strides[] = { 1, IN_A_FILE - 1, 7919 };
	struct model m;
	int64_t i;
	size_t s;

	(void)state;
	for (s = 0; s < ARRAY_LEN(strides); s++) {
		memset(unanswered, 0, sizeof unanswered);
		model_init(&m, (struct text){ "t", 1 }, true, CLOCK_NONE);
		m.on_interval = count_unanswered;
		for (i = 0; i < IN_A_FILE; i++)
			describe(&m, i * strides[s] % IN_A_FILE * STEP,
			    i * strides[s] % 2 != 0 ? "7" : "8");
		write_message(&m, 1001 * STEP + 1, FROM_CUSTOMER, "1", NULL);
		write_message(&m, 1001 * STEP + 2, FROM_SYSTEM, "2", "closed");
		model_recompute(&m, &definition_ours);
		assert_int_equal(unanswered[7], 1);
		assert_true(
		    text_is(model_name(&m, m.chats[0]->now.assignee), "7"));
		model_release(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_record_counts_up_to_the_next),
		cmocka_unit_test(repeated_records_go_with_the_window),
		cmocka_unit_test(more_than_that_do_not_grow),
		cmocka_unit_test(they_take_little_room_in_the_state),
		cmocka_unit_test(one_without_a_time_is_not_forgotten),
		cmocka_unit_test(by_hand_they_come_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
