/*
 * Tests of chats that whole snapshots lack, again and again: each such absence
 * counts between the records that it lies between, until nothing can come there
 * any more; over flushes, restarts, and when another aggregator takes over.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"

#define START INT64_C(1795168800000)
#define WINDOW INT64_C(1000)

static const struct text tenant = { "t", 1 }, id = { "a", 1 };

static void
fetch_nothing(void *ctx, struct model *m, struct chat *c)
{
	(void)ctx;
	(void)m;
	(void)c;
}

static void
begin(struct model *m)
{
	model_stream_begin(m, WINDOW);
	m->memory = WINDOW;
	m->fetch = fetch_nothing;
}

/* Of chat a: it is open. */
static void
describe(struct model *m, int64_t at, const char *channel, bool stale)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = id;
	r.at = START + at;
	r.status = CHAT_OPEN;
	r.channel = (struct text){ channel, channel != NULL ? 1 : 0 };
	r.stale = stale;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

static void
snapshot(struct model *m, int64_t at, bool listed)
{
	struct model s;

	model_init(&s, tenant, false, START + at);
	if (listed)
		describe(&s, at, NULL, false);
	model_merge(m, &s, NULL);
	model_release(&s);
	model_stream_flush(m);
}

static struct chat *
chat(const struct model *m)
{
	struct chat *c = model_find_chat(m, id);

	assert_non_null(c);
	return c;
}

/* The chat goes into another model. */
static void
restart(struct model *m)
{
	model_stream_restart(m, chat(m), begin);
}

/* Missing, listed again, missing again: the channel that a record of before the
 * first gap named does not come back. */
static void
the_first_gap_is_not_forgotten(void **state)
{
	struct model m;
	int restarts;

	(void)state;
	for (restarts = 0; restarts < 2; restarts++) {
		begin(&m);
		describe(&m, 0, "w", false);
		model_stream_flush(&m);
		snapshot(&m, 500, false);
		snapshot(&m, 1200, true);
		assert_int_equal(chat(&m)->described, 1);
		snapshot(&m, 1300, false);
		if (restarts > 0)
			restart(&m);
		describe(&m, 1400, NULL, false);
		model_stream_flush(&m);
		assert_int_equal(chat(&m)->described, 2);
		snapshot(&m, 1450, true);
		assert_int_equal(chat(&m)->described, 3);
		assert_int_equal(chat(&m)->now.channel, 0);
		model_release(&m);
	}
}

/* A late record comes behind the first of many snapshots without the chat. */
static void
a_late_record_finds_its_gap(void **state)
{
	struct model m;
	int64_t at;

	(void)state;
	begin(&m);
	describe(&m, 0, "w", false);
	model_stream_flush(&m);
	for (at = 300; at <= 1900; at += 100)
		snapshot(&m, at, false);
	assert_true(chat(&m)->absences->n <= 3);
	describe(&m, 1150, NULL, false);
	model_stream_flush(&m);
	assert_int_equal(chat(&m)->now.status, CHAT_GONE);
	assert_int_equal(chat(&m)->described, 1);
	describe(&m, 1950, NULL, false);
	model_stream_flush(&m);
	assert_int_equal(chat(&m)->now.status, CHAT_OPEN);
	assert_int_equal(chat(&m)->described, 2);
	assert_int_equal(chat(&m)->now.channel, 0);
	model_release(&m);
}

/* Only a record that is newer than the snapshot brings it back. */
static void
a_listing_of_before_reopens_nothing(void **state)
{
	struct model m, s;

	(void)state;
	begin(&m);
	describe(&m, 0, NULL, false);
	model_stream_flush(&m);
	snapshot(&m, 500, false);
	model_init(&s, tenant, false, START + 600);
	describe(&s, 400, NULL, false);
	model_merge(&m, &s, NULL);
	model_release(&s);
	model_stream_flush(&m);
	assert_int_equal(chat(&m)->now.status, CHAT_GONE);
	describe(&m, 501, NULL, false);
	model_stream_flush(&m);
	assert_int_equal(chat(&m)->now.status, CHAT_OPEN);
	model_release(&m);
}

/* The snapshot is older than the chat's newest record and lies in the silence
 * before that: it counts at once, and not only when the chat changes again. */
static void
a_snapshot_of_before_parts_the_lives(void **state)
{
	struct model m;
	int restarts;

	(void)state;
	for (restarts = 0; restarts < 2; restarts++) {
		begin(&m);
		describe(&m, 0, "w", false);
		describe(&m, 2000, NULL, false);
		model_stream_flush(&m);
		assert_int_equal(chat(&m)->described, 2);
		if (restarts > 0)
			restart(&m);
		snapshot(&m, 1900, false);
		assert_int_equal(chat(&m)->now.status, CHAT_OPEN);
		assert_int_equal(chat(&m)->described, 1);
		assert_int_equal(chat(&m)->now.channel, 0);
		model_release(&m);
	}
}

/* Of another chat, so that time passes. */
static void
pass(struct model *m, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = (struct text){ "b", 1 };
	r.at = START + at;
	r.status = CHAT_OPEN;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
	model_stream_flush(m);
}

/* It was open and silent for long when a snapshot lacked it: a late record of
 * before still belongs to it, one of after does not. */
static void
a_silent_chat_that_leaves_is_kept_for_a_window(void **state)
{
	struct model m;
	int restarts;

	(void)state;
	for (restarts = 0; restarts < 2; restarts++) {
		begin(&m);
		describe(&m, 0, "w", false);
		model_stream_flush(&m);
		pass(&m, 9000);
		snapshot(&m, 9500, false);
		if (restarts > 0)
			restart(&m);
		describe(&m, 9400, NULL, false);
		model_stream_flush(&m);
		assert_int_equal(chat(&m)->now.status, CHAT_GONE);
		assert_int_equal(chat(&m)->described, 2);
		describe(&m, 9600, NULL, false);
		model_stream_flush(&m);
		assert_int_equal(chat(&m)->described, 3);
		assert_true(chat(&m)->now.channel != 0);
		model_release(&m);
	}
}

static void
a_silent_chat_leaves_the_state_at_last(void **state)
{
	struct model m;
	int64_t at;

	(void)state;
	begin(&m);
	describe(&m, 0, "w", false);
	model_stream_flush(&m);
	for (at = 9000; at <= 10100; at += 100)
		snapshot(&m, at, false);
	assert_null(model_find_chat(&m, id));
	model_release(&m);
}

/* Listed and lacked in turn, and never silent for a window. */
static void
absences_go_when_nothing_can_come_between(void **state)
{
	struct model m;
	int64_t at;

	(void)state;
	begin(&m);
	for (at = 0; at < 50000; at += 200)
		snapshot(&m, at, at % 400 == 0);
	assert_non_null(chat(&m)->absences);
	assert_true(chat(&m)->absences->n <= 5);
	assert_int_equal(chat(&m)->now.status, CHAT_GONE);
	model_release(&m);
	/* A new chat has none. */
	begin(&m);
	snapshot(&m, 0, false);
	snapshot(&m, 200, true);
	assert_null(chat(&m)->absences);
	model_release(&m);
}

static void
hand_over(void *ctx, const struct chat *c, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_HISTORY;
	r.chat = chat_id(c);
	r.absent_at = at;
	(void)model_add(ctx, &r);
}

/* Its records come first, then its absences, then what ends it; and all of it
 * once more. */
static void
another_aggregator_knows_them(void **state)
{
	struct record r;
	struct model m, n;
	int round;

	(void)state;
	begin(&m);
	describe(&m, 0, "w", false);
	model_stream_flush(&m);
	snapshot(&m, 500, false);
	snapshot(&m, 1200, true);
	snapshot(&m, 1300, false);
	begin(&n);
	for (round = 0; round < 2; round++) {
		describe(&n, 1200, NULL, true);
		describe(&n, 0, "w", true);
		model_each_absence(&m, chat(&m), hand_over, &n);
		model_stream_flush(&n);
		record_clear(&r);
		r.type = RECORD_HISTORY;
		r.chat = id;
		r.episode = 0;
		(void)model_add(&n, &r);
		model_stream_flush(&n);
		assert_int_equal(chat(&n)->described, 1);
		assert_int_equal(chat(&n)->now.channel, 0);
		assert_int_equal(chat(&n)->now.status, CHAT_GONE);
	}
	model_release(&m);
	model_release(&n);
}

/* A customer's message makes that of its chat. */
static void
expect_message_status(
    struct model *m, const char *name, int64_t at, enum chat_status status)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = r.id = (struct text){ name, 1 };
	r.from = FROM_CUSTOMER;
	r.at = START + at;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
	model_stream_flush(m);
	assert_int_equal(model_find_chat(m, r.chat)->now.status, status);
}

/* A chat of the snapshot stays open; of one that it lacked, and that no record
 * tells of, a message from before it does not open it. In each order. */
static void
it_knows_those_that_are_not_handed_over(void **state)
{
	struct record clock, end;
	struct model m;
	int last;

	(void)state;
	record_clear(&clock);
	clock.type = RECORD_CLOCK;
	clock.at = clock.absent_at = START + 500;
	record_clear(&end);
	end.type = RECORD_HISTORY;
	end.chat = id;
	end.episode = 0;
	end.listed_at = START + 500;
	for (last = 0; last < 2; last++) {
		begin(&m);
		for (clock.bucket = 0; clock.bucket < BUCKETS && last == 0;
		     clock.bucket++)
			(void)model_add(&m, &clock);
		describe(&m, 500, NULL, true);
		(void)model_add(&m, &end);
		model_stream_flush(&m);
		for (clock.bucket = 0; clock.bucket < BUCKETS && last == 1;
		     clock.bucket++)
			(void)model_add(&m, &clock);
		describe(&m, 490, "w", false);
		model_stream_flush(&m);
		assert_int_equal(chat(&m)->now.status, CHAT_OPEN);
		restart(&m);
		assert_int_equal(chat(&m)->listed_at, START + 500);
		expect_message_status(&m, "b", 400, CHAT_GONE);
		expect_message_status(&m, "c", 600, CHAT_OPEN);
		model_release(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_gap_is_not_forgotten),
		cmocka_unit_test(a_late_record_finds_its_gap),
		cmocka_unit_test(a_listing_of_before_reopens_nothing),
		cmocka_unit_test(a_snapshot_of_before_parts_the_lives),
		cmocka_unit_test(
		    a_silent_chat_that_leaves_is_kept_for_a_window),
		cmocka_unit_test(a_silent_chat_leaves_the_state_at_last),
		cmocka_unit_test(absences_go_when_nothing_can_come_between),
		cmocka_unit_test(another_aggregator_knows_them),
		cmocka_unit_test(it_knows_those_that_are_not_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
