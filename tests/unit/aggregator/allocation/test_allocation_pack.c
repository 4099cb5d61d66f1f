/*
 * Tests of aggregator/allocation/allocation_pack: what the state keeps of an
 * allocation. A customer who has not written for long leaves the state, even if
 * the time ran out while the program was stopped. Cut entries are refused.
 * Random worlds with restarts are in tests/oracle/allocation.py.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/allocation/allocation.h"

#define CUSTOMER "uk1"

static const struct allocation_settings settings = {
	.limit = 2, .expiry = 60000, .pause = 1000, .sticky = 5000
};

static struct text
text(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static struct allocation *
begin(int64_t now)
{
	struct allocation *a = allocation_new("t", &settings, NULL);

	allocation_clock(a, now);
	return a;
}

/* One customer's chat has an operator, the other chat is reserved. */
static struct allocation *
begin_with_chats(void)
{
	const struct allocation_operator available = {
		.listed = true, .available = true, .max_chats = RECORD_NO_NUMBER
	};
	const struct allocation_chat assigned = { .status = CHAT_OPEN,
		.arrival = 500,
		.answered_at = CLOCK_NONE,
		.newest = 900,
		.assignee = text("1"),
		.customer = text("k1") };
	const struct allocation_chat waiting = { .status = CHAT_OPEN,
		.arrival = 600,
		.answered_at = CLOCK_NONE,
		.newest = 900 };
	struct allocation *a = begin(1000);

	allocation_operator(a, text("1"), &available);
	allocation_chat(a, text("c1"), &assigned);
	allocation_chat(a, text("c2"), &waiting);
	allocation_limit(a, text("1"), text("chat"), 3, 1000);
	assert_int_equal(allocation_select(a), 1);
	return a;
}

/* Keeps entries as the state does. */
static void
save_entry(void *ctx, const struct buf *key, const struct buf *value)
{
	struct strmap *saved = ctx;
	struct buf *b = strmap_delete(saved, key->data, key->len);

	if (b != NULL)
		buf_release(b);
	free(b);
	if (value->len == 0)
		return;
	b = xcalloc(1, sizeof *b);
	buf_add(b, value->data, value->len);
	*strmap_put(saved, key->data, key->len) = b;
}

static void
free_entry(void *p)
{
	buf_release(p);
	free(p);
}

static void
load(struct allocation *a, const struct strmap *saved)
{
	const struct strmap_entry *e;
	const struct buf *b;
	size_t i = 0;

	while ((e = strmap_next(saved, &i)) != NULL) {
		b = e->value;
		assert_int_equal(
		    allocation_unpack(a, e->key, e->key_len, b->data, b->len),
		    0);
	}
}

static bool
has_customer(const struct strmap *saved)
{
	return strmap_get(saved, CUSTOMER, strlen(CUSTOMER)) != NULL;
}

static void
run_and_save(struct allocation *a, struct strmap *saved)
{
	allocation_pack(a, save_entry, saved);
	allocation_free(a);
}

static void
customer_leaves_the_state_after_a_long_stop(void **state)
{
	struct strmap saved = STRMAP_INIT;
	struct allocation *a;

	(void)state;
	run_and_save(begin_with_chats(), &saved);
	assert_true(has_customer(&saved));
	a = begin(5900);
	load(a, &saved);
	run_and_save(a, &saved);
	assert_true(has_customer(&saved));
	a = begin(5901);
	load(a, &saved);
	run_and_save(a, &saved);
	assert_false(has_customer(&saved));
	strmap_release(&saved, free_entry);
}

static void
cut_entries_are_refused(void **state)
{
	struct strmap saved = STRMAP_INIT;
	const struct strmap_entry *e;
	const struct buf *b;
	struct allocation *a;
	size_t i = 0, len;

	(void)state;
	run_and_save(begin_with_chats(), &saved);
	while ((e = strmap_next(&saved, &i)) != NULL) {
		b = e->value;
		for (len = 0; len < b->len; len++) {
			a = begin(1000);
			assert_int_equal(allocation_unpack(a, e->key,
					     e->key_len, b->data, len),
			    -1);
			allocation_free(a);
		}
	}
	strmap_release(&saved, free_entry);
}

int
test_allocation_pack(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(customer_leaves_the_state_after_a_long_stop),
		cmocka_unit_test(cut_entries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
