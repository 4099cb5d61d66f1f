/*
 * Tests of aggregator/model_merge and model_pack: a snapshot corrects a
 * stream, rows are listed because they are marked, and bytes that no packer
 * wrote are refused.
 */
#include <stdlib.h>

#include "tests/unit/model_stream.h"
#include "tests/unit/model_world.h"

static const struct text tenant = { "t", 1 };

static struct text
text(const char *s)
{
	struct text t = { s, strlen(s) };

	return t;
}

static void
add_message(struct model *m, const char *chat, const char *id, int64_t at,
    enum message_from from, const char *user)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = text(chat);
	r.id = text(id);
	r.at = WORLD_START + at;
	r.from = from;
	r.user = text(user);
	assert_int_not_equal(model_add(m, &r), MODEL_LATE);
}

static void
add_operator(struct model *m, const char *id)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_OPERATOR;
	r.operator_id = text(id);
	r.name = text("a name");
	(void)model_add(m, &r);
}

static void
add_chat(struct model *m, const char *chat, int64_t at, const char *assignee)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = text(chat);
	r.at = WORLD_START + at;
	r.status = CHAT_OPEN;
	r.operator_id = text(assignee);
	(void)model_add(m, &r);
}

static void
begin(struct model *m, struct bag *intervals)
{
	model_stream_begin(m, INT64_C(24) * 3600 * 1000);
	m->ctx = intervals;
	m->on_interval = world_interval;
}

static const struct operator_info *
operator_of(const struct model *m, const char *id)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (text_is(operator_id(m, m->operators[i]), id))
			return m->operators[i];
	fail_msg("no operator %s", id);
	abort(); /* fail_msg does not return, and does not say so */
}

static void
a_snapshot_corrects_a_stream(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	struct model m, s;
	struct chat *c;

	(void)state;
	begin(&m, &intervals);
	add_operator(&m, "1");
	add_operator(&m, "2");
	add_chat(&m, "gone", 0, "1");
	add_message(&m, "gone", "1", 10, FROM_CUSTOMER, "c");
	add_message(&m, "stays", "2", 5000, FROM_CUSTOMER, "c");
	add_message(&m, "known", "3", 100, FROM_CUSTOMER, "c");
	add_message(&m, "known", "5", 300, FROM_OPERATOR, "1");
	model_stream_flush(&m);
	assert_int_equal(m.totals.open_chats, 3);
	assert_int_equal(m.totals.responses.n, 1);

	model_init(&s, tenant, false, WORLD_START + 4000);
	add_operator(&s, "2");
	add_operator(&s, "3");
	add_chat(&s, "known", 4000, "3");
	add_message(&s, "known", "3", 100, FROM_CUSTOMER, "c");
	add_message(&s, "known", "4", 200, FROM_OPERATOR, "2");
	add_message(&s, "new", "6", 3000, FROM_CUSTOMER, "c");
	model_merge(&m, &s, NULL);
	model_release(&s);
	model_recompute(&m, &definition_ours);

	assert_int_equal(m.totals.operators, 2);
	assert_false(operator_of(&m, "1")->listed);
	assert_true(operator_of(&m, "3")->listed);
	/* The answer that came first is the response now. */
	assert_int_equal(operator_of(&m, "1")->responses.n, 0);
	assert_int_equal(operator_of(&m, "2")->responses.n, 1);
	assert_int_equal(operator_of(&m, "3")->open_chats, 1);
	assert_int_equal(m.totals.open_chats, 3);
	c = model_find_chat(&m, text("gone"));
	assert_true(chat_has_left(c));
	c = model_find_chat(&m, text("stays"));
	assert_false(chat_is_gone(c));
	c = model_find_chat(&m, text("known"));
	assert_int_equal(c->messages_counted, 3);
	model_clear_changed(&m);
	assert_int_equal(m.changes.chats_n, 0);

	/* And it comes back as it was: it had left, and was not closed. */
	model_init(&s, tenant, false, WORLD_START + 6000);
	model_merge(&m, &s, NULL);
	model_release(&s);
	model_stream_flush(&m);
	assert_int_equal(m.totals.open_chats, 0);
	/* What is not newer than the snapshot reopens nothing, be the chat
	 * known or not. */
	add_message(&m, "known", "8", 6000, FROM_CUSTOMER, "c");
	add_chat(&m, "known", 6000, "3");
	add_message(&m, "unknown", "9", 5500, FROM_CUSTOMER, "c");
	model_recompute(&m, &definition_ours);
	assert_int_equal(m.totals.open_chats, 0);
	model_clear_changed(&m);
	add_message(&m, "known", "7", 6500, FROM_OPERATOR, "2");
	model_recompute(&m, &definition_ours);
	c = model_find_chat(&m, text("known"));
	assert_false(chat_is_gone(c));
	assert_int_equal(c->messages_counted, 5);
	assert_int_equal(m.totals.open_chats, 1);
	assert_int_equal(operator_of(&m, "2")->responses.n, 2);
	model_release(&m);
	bag_release(&intervals);
}

/* An operator who left and comes back keeps the name alone. */
static void
who_comes_back_begins_anew(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	const struct operator_info *o;
	struct model m, s;

	(void)state;
	begin(&m, &intervals);
	add_operator(&m, "1");
	m.operators[0]->has_available = true;
	m.operators[0]->reported_open_chats = 7;
	model_init(&s, tenant, false, WORLD_START + 4000);
	model_merge(&m, &s, NULL);
	model_release(&s);
	assert_int_equal(m.totals.operators, 0);
	add_operator(&m, "1");
	o = operator_of(&m, "1");
	assert_true(o->listed && !o->has_available);
	assert_true(o->reported_open_chats == RECORD_NO_NUMBER);
	model_release(&m);
	bag_release(&intervals);
}

/* A bucket alone: its chats, and nobody else's; operators alone. */
static void
a_part_corrects_its_part(void **state)
{
	struct bucket_set chats = { .chats = 0 }, all = { .all = true };
	struct bag intervals = { STRMAP_INIT };
	struct model m, s;

	(void)state;
	begin(&m, &intervals);
	add_operator(&m, "1");
	add_chat(&m, "a", 0, "1");
	add_chat(&m, "b", 0, "1");
	model_stream_flush(&m);
	assert_int_not_equal(
	    bucket_of("t", 1, "a", 1), bucket_of("t", 1, "b", 1));

	model_init(&s, tenant, false, WORLD_START + 4000);
	bucket_set_add(&chats, bucket_of("t", 1, "b", 1));
	model_merge(&m, &s, &chats);
	model_release(&s);
	model_recompute(&m, &definition_ours);
	assert_true(chat_is_open(model_find_chat(&m, text("a"))));
	assert_true(chat_has_left(model_find_chat(&m, text("b"))));
	assert_true(operator_of(&m, "1")->listed);
	model_clear_changed(&m);

	model_init(&s, tenant, false, WORLD_START + 4000);
	add_operator(&s, "2");
	model_merge(&m, &s, &all);
	model_release(&s);
	model_recompute(&m, &definition_ours);
	assert_true(chat_is_open(model_find_chat(&m, text("a"))));
	assert_false(operator_of(&m, "1")->listed);
	assert_true(operator_of(&m, "2")->listed);
	model_release(&m);
	bag_release(&intervals);
}

static bool
lacks(struct model *m, const char *chat, const char *id, int64_t at,
    int64_t updated)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = text(chat);
	r.id = text(id);
	r.at = WORLD_START + at;
	r.from = FROM_CUSTOMER;
	r.user = text("c");
	if (updated != 0)
		r.updated_at = WORLD_START + updated;
	return model_lacks(m, &r);
}

static void
what_is_lacking_is_told_once(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	struct model m, s;

	(void)state;
	begin(&m, &intervals);
	m.window = 1000;
	add_chat(&m, "a", 0, "1");
	add_message(&m, "a", "1", 5000, FROM_CUSTOMER, "c");
	assert_true(lacks(&m, "a", "2", 4500, 0));
	assert_true(lacks(&m, "b", "1", 5000, 0));
	assert_false(lacks(&m, "a", "1", 5000, 0));
	/* Edited; an edited one of another time, too, and nothing else of
	 * another time. */
	assert_true(lacks(&m, "a", "1", 5000, 6000));
	assert_true(lacks(&m, "a", "1", 5100, 6000));
	assert_false(lacks(&m, "a", "1", 5100, 0));
	assert_false(lacks(&m, "a", "1", 4900, 0));
	/* Older than the window, as most records of a snapshot are. */
	assert_true(lacks(&m, "a", "3", 100, 0));
	assert_true(lacks(&m, "b", "3", 100, 0));

	model_init(&s, tenant, false, WORLD_START + 5000);
	add_chat(&s, "a", 5000, "1");
	add_message(&s, "a", "1", 5000, FROM_CUSTOMER, "c");
	add_message(&s, "a", "2", 4500, FROM_CUSTOMER, "c");
	add_message(&s, "a", "3", 100, FROM_CUSTOMER, "c");
	add_message(&s, "b", "3", 100, FROM_CUSTOMER, "c");
	model_merge(&m, &s, NULL);
	model_release(&s);
	model_recompute(&m, &definition_ours);
	assert_false(lacks(&m, "a", "2", 4500, 0));
	assert_false(lacks(&m, "a", "3", 100, 0));
	assert_false(lacks(&m, "b", "3", 100, 0));
	assert_true(lacks(&m, "b", "4", 101, 0));
	model_release(&m);
	bag_release(&intervals);
}

/* Which repetitions are not to take a place beside the known one. */
static void
repetitions_are_put_aside(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	struct record r;
	struct model m;

	(void)state;
	begin(&m, &intervals);
	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = text("a");
	r.id = text("1");
	r.from = FROM_CUSTOMER;
	r.at = WORLD_START + 5000;
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	assert_false(m.known_stays);
	assert_int_equal(model_add(&m, &r), MODEL_DUPLICATE);
	assert_false(m.known_stays);
	r.at -= 1;
	assert_int_equal(model_add(&m, &r), MODEL_DUPLICATE);
	assert_true(m.known_stays);
	r.at += 2;
	assert_int_equal(model_add(&m, &r), MODEL_VERSION);
	assert_true(m.known_stays);
	r.updated_at = r.at + 10;
	assert_int_equal(model_add(&m, &r), MODEL_VERSION);
	assert_false(m.known_stays);
	r.updated_at = CLOCK_NONE;
	assert_int_equal(model_add(&m, &r), MODEL_DUPLICATE);
	assert_true(m.known_stays);
	model_release(&m);
	bag_release(&intervals);
}

/* Whatever half of a world the stream has, a snapshot of all of it makes
 * it whole. */
static void
half_a_stream_is_made_whole(void **state)
{
	const struct world w = { .chats = 5,
		.records = 500,
		.step = 20000,
		.transfers = true,
		.descriptions = true };
	uint64_t seed = (uint64_t)clock_now_ms(), round;
	struct line *v;
	size_t n, i;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (round = 0; round < 20; round++) {
		struct bag rows[2] = { { STRMAP_INIT } };
		struct bag intervals[2] = { { STRMAP_INIT } };
		struct model m, s, all;

		world_state = seed + round;
		v = world_make(&w, &n);
		begin(&m, &intervals[0]);
		m.window = 0;
		model_init(&s, tenant, false, CLOCK_NONE);
		model_init(&all, tenant, true, CLOCK_NONE);
		all.ctx = &intervals[1];
		all.on_interval = world_interval;
		for (i = 0; i < n; i++) {
			if (world_random(2) == 0)
				(void)model_add(&m, &v[i].r);
			if (world_random(50) == 0)
				model_recompute(&m, &definition_ours);
			(void)model_add(&s, &v[i].r);
			(void)model_add(&all, &v[i].r);
			if (v[i].r.at > s.as_of)
				s.as_of = v[i].r.at;
		}
		model_merge(&m, &s, NULL);
		model_release(&s);
		m.as_of = all.as_of; /* of a record without effect, too */
		model_recompute(&m, &definition_ours);
		model_recompute(&all, &definition_ours);
		world_rows(&m, &rows[0]);
		world_rows(&all, &rows[1]);
		bag_same(&rows[0], &rows[1], "rows");
		bag_same(&intervals[0], &intervals[1], "intervals");
		model_release(&m);
		model_release(&all);
		bag_release(&rows[0]);
		bag_release(&rows[1]);
		bag_release(&intervals[0]);
		bag_release(&intervals[1]);
		free(v);
	}
}

static size_t
rows_of(const struct model *m, const char *table, const char *status)
{
	const struct metric *f = metric_find(table);
	struct rowset rows = { .metric = f };
	size_t i, n = 0;

	metric_emit(m, &rows, ROWS_CHANGED);
	for (i = 0; i < rows.n; i++)
		if (status == NULL ||
		    text_is(
			rowset_get(&rows, i)[metric_column(f, "status")].text,
			status))
			n++;
	rowset_release(&rows);
	return n;
}

static void
what_is_marked_is_told_again(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	struct model m;

	(void)state;
	begin(&m, &intervals);
	add_operator(&m, "1");
	add_chat(&m, "a", 0, "1");
	add_message(&m, "a", "1", 10, FROM_CUSTOMER, "c");
	model_recompute(&m, &definition_ours);
	assert_int_equal(rows_of(&m, "chat_metrics", "open"), 1);
	assert_int_equal(rows_of(&m, "operator_metrics", NULL), 1);
	assert_int_equal(rows_of(&m, "tenant_metrics", NULL), 1);
	model_clear_changed(&m);
	model_recompute(&m, &definition_ours);
	assert_int_equal(rows_of(&m, "chat_metrics", NULL), 0);
	assert_int_equal(rows_of(&m, "operator_metrics", NULL), 0);
	assert_int_equal(rows_of(&m, "tenant_metrics", NULL), 0);

	model_mark_chat(&m, text("a"));
	model_mark_chat(&m, text("nobody knows it"));
	model_mark_operator(&m, text("1"));
	model_mark_event(&m, text("u"), text("e"));
	model_recompute(&m, &definition_ours);
	assert_int_equal(rows_of(&m, "chat_metrics", "open"), 1);
	assert_int_equal(rows_of(&m, "chat_metrics", "left"), 1);
	assert_int_equal(rows_of(&m, "operator_metrics", NULL), 1);
	assert_int_equal(rows_of(&m, "event_counts", NULL), 1);
	model_clear_changed(&m);
	assert_null(model_find_chat(&m, text("nobody knows it")));

	model_mark_waits(&m);
	model_recompute(&m, &definition_ours);
	assert_int_equal(rows_of(&m, "operator_metrics", NULL), 1);
	assert_int_equal(rows_of(&m, "tenant_metrics", NULL), 1);
	model_release(&m);
	bag_release(&intervals);
}

/* The ways to unpack, by number. */
static int
unpack(struct model *m, size_t kind, const void *p, size_t len)
{
	struct chat *c;

	switch (kind) {
	case 0:
		return model_unpack_tenant(m, p, len);
	case 1:
		return model_unpack_operator(m, p, len);
	case 2:
		return model_unpack_chat(m, p, len, 1);
	case 3:
		c = model_find_chat(m, text("a"));
		if (c == NULL) {
			add_chat(m, "a", 0, "1");
			c = model_find_chat(m, text("a"));
		}
		return model_unpack_segment(m, c, p, len);
	case 4:
		return model_unpack_identities(m, 1, p, len);
	default:
		return model_unpack_event(m, "\2u\2e", 4, p, len);
	}
}

static void
keep_run(void *ctx, uint16_t hour, const void *p, size_t len)
{
	(void)hour;
	buf_add(ctx, p, len);
}

static void
pack_all(struct model *m, struct buf packed[6])
{
	struct record r;
	struct buf key = BUF_INIT;

	add_operator(m, "1");
	add_chat(m, "a", 0, "1");
	add_message(m, "a", "1", 10, FROM_CUSTOMER, "c");
	add_message(m, "a", "an id that is no number", 20, FROM_OPERATOR, "1");
	record_clear(&r);
	r.type = RECORD_EVENT;
	r.at = WORLD_START;
	r.id = text("e");
	r.user = text("u");
	r.event = text("e");
	(void)model_add(m, &r);
	model_recompute(m, &definition_ours);
	model_pack_tenant(m, &packed[0]);
	model_pack_operator(m, m->changes.operators[0], &packed[1]);
	model_pack_chat(m, m->changes.chats[0], &packed[2]);
	model_pack_segment(m, m->changes.chats[0], 0, &packed[3]);
	model_pack_identities(m, &packed[4], keep_run);
	model_pack_event(m, m->changes.events[0], &key, &packed[5]);
	buf_release(&key);
}

/* Cut or changed anywhere: refused, or at least no harm is done. */
static void
damaged_bytes_do_no_harm(void **state)
{
	struct bag intervals = { STRMAP_INIT };
	struct buf packed[6] = { BUF_INIT };
	struct model m;
	size_t kind, i, j;
	char *copy;

	(void)state;
	begin(&m, &intervals);
	pack_all(&m, packed);
	model_release(&m);
	for (kind = 0; kind < ARRAY_LEN(packed); kind++) {
		const struct buf *b = &packed[kind];

		begin(&m, &intervals);
		assert_int_equal(unpack(&m, kind, b->data, b->len), 0);
		model_release(&m);
		begin(&m, &intervals);
		assert_int_equal(unpack(&m, kind, b->data, 0), -1);
		assert_int_equal(unpack(&m, kind, "\177", 1), -1);
		model_release(&m);
		for (i = 0; i < b->len; i++) {
			/* Of exactly that size, for the sanitizer's sake. */
			copy = xmalloc(i + 1);
			memcpy(copy, b->data, i + 1);
			for (j = 0; j < 4; j++) {
				begin(&m, &intervals);
				copy[i] = (char)(j == 0   ? copy[i]
						 : j == 1 ? 0
						 : j == 2 ? 127
							  : -1);
				(void)unpack(&m, kind, copy, i + 1);
				model_release(&m);
			}
			free(copy);
			copy = xmalloc(b->len);
			memcpy(copy, b->data, b->len);
			copy[i] = (char)(copy[i] ^ (char)(1 + i % 127));
			begin(&m, &intervals);
			(void)unpack(&m, kind, copy, b->len);
			model_release(&m);
			free(copy);
		}
	}
	for (i = 0; i < ARRAY_LEN(packed); i++)
		buf_release(&packed[i]);
	bag_release(&intervals);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_corrects_a_stream),
		cmocka_unit_test(who_comes_back_begins_anew),
		cmocka_unit_test(a_part_corrects_its_part),
		cmocka_unit_test(what_is_lacking_is_told_once),
		cmocka_unit_test(repetitions_are_put_aside),
		cmocka_unit_test(half_a_stream_is_made_whole),
		cmocka_unit_test(what_is_marked_is_told_again),
		cmocka_unit_test(damaged_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
