/*
 * Tests of chats that are derived between two records, before their flush: what
 * a flush makes of them is the same, and one that changes again is derived and
 * packed again.
 */
#include "tests/unit/dice.h"
#include "tests/unit/model_stream.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#include "aggregator/model/model_pack.h"
#include "common/base/buf.h"

#define START INT64_C(1795168800000)
#define CHATS 20
#define RECORDS 4000

static uint64_t dice_state = DICE_START;

static uint32_t
below(uint32_t n)
{
	return (uint32_t)dice_below(&dice_state, n);
}

/* By one of both sides, at a time that now and then lies before others. */
static void
add_message(struct model *m, struct model *same, uint32_t number)
{
	char id[16], chat[16], operator_id[16];
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.id =
	    (struct text){ id, (size_t)snprintf(id, sizeof id, "%u", number) };
	r.chat = (struct text){ chat,
		(size_t)snprintf(chat, sizeof chat, "c%u", below(CHATS)) };
	r.at = START + number * INT64_C(1000) - below(5) * 700;
	r.from = below(2) == 0 ? FROM_CUSTOMER : FROM_OPERATOR;
	if (r.from == FROM_OPERATOR)
		r.operator_id = (struct text){ operator_id,
			(size_t)snprintf(
			    operator_id, sizeof operator_id, "o%u", below(4)) };
	assert_int_equal(model_add(m, &r), model_add(same, &r));
}

/* As stream_save.c does. Returns how many. */
static size_t
derive_some(struct model *m)
{
	struct chat *c;
	size_t n = 0;

	while (
	    n < 5 && (c = model_recompute_early(m, &definition_ours)) != NULL) {
		assert_false(c->dirty);
		assert_false(c->packed);
		model_chat_packed(c);
		n++;
	}
	return n;
}

static void
assert_same_chats(const struct model *m, const struct model *same)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t i;

	assert_int_equal(m->changes.chats_n, same->changes.chats_n);
	for (i = 0; i < m->changes.chats_n; i++) {
		buf_clear(&a);
		buf_clear(&b);
		model_pack_chat(m, m->changes.chats[i], &a);
		model_pack_chat(same, same->changes.chats[i], &b);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, a.len);
	}
	buf_release(&a);
	buf_release(&b);
}

static struct operator_info *
find_operator(const struct model *m, struct text id)
{
	size_t i = 0;

	while (text_compare(operator_id(m, m->operators[i]), id) != 0)
		assert_true(++i < m->operators_n);
	return m->operators[i];
}

/* They stand in the order in which a chat was derived first that they have. */
static void
assert_same_operators(const struct model *m, const struct model *same)
{
	struct operator_info *x, *y;
	size_t i;

	assert_int_equal(m->operators_n, same->operators_n);
	for (i = 0; i < m->operators_n; i++) {
		x = m->operators[i];
		y = find_operator(same, operator_id(m, x));
		assert_int_equal(x->open_chats, y->open_chats);
		assert_int_equal(x->responses.n, y->responses.n);
		if (x->responses.n > 0)
			assert_int_equal(order_stats_mean(&x->responses),
			    order_stats_mean(&y->responses));
	}
}

static void
a_flush_makes_the_same_of_them(void **state)
{
	struct model m, same;
	uint32_t i;
	size_t early = 0;

	(void)state;
	model_stream_begin(&m, 0);
	model_stream_begin(&same, 0);
	for (i = 0; i < RECORDS; i++) {
		add_message(&m, &same, i);
		if (below(3) == 0)
			early += derive_some(&m);
		if (below(30) > 0)
			continue;
		model_recompute(&m, &definition_ours);
		model_recompute(&same, &definition_ours);
		assert_same_chats(&m, &same);
		assert_same_operators(&m, &same);
		model_clear_changed(&m);
		model_clear_changed(&same);
	}
	assert_true(early > RECORDS / 10);
	model_release(&m);
	model_release(&same);
}

static void
one_that_changes_again_is_not_packed(void **state)
{
	struct chat *c;
	struct model m, other;

	(void)state;
	model_stream_begin(&m, 0);
	model_stream_begin(&other, 0);
	while (m.chats_n == 0 || m.chats[0]->n < 2)
		add_message(&m, &other, (uint32_t)m.chats_n + below(1000));
	c = m.chats[0];
	while (derive_some(&m) > 0)
		;
	assert_true(c->packed);
	while (c->packed)
		add_message(&m, &other, 1000 + below(1000));
	assert_true(c->dirty);
	model_stream_flush(&m);
	assert_true(c->packed);
	model_release(&m);
	model_release(&other);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flush_makes_the_same_of_them),
		cmocka_unit_test(one_that_changes_again_is_not_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
