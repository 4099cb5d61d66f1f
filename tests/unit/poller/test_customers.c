/*
 * Tests of poller/customers: they age out of the state, nothing else does.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "common/containers/pack.h"
#include "poller/poll/customers.h"
#include "poller/store/store.h"

static void
put(struct store *s, const char *id, int64_t asked_ms)
{
	struct buf b = BUF_INIT;

	pack_put_number(&b, 1); /* its layout */
	pack_put_signed(&b, asked_ms);
	pack_put_string(&b, "");
	store_put(s, STORE_CUSTOMERS, id, b.data, b.len);
	buf_release(&b);
}

static void
customers_age(void **state)
{
	static const struct {
		const char *id;
		int64_t age_ms;
		bool stays;
	} cases[] = {
		{ "just-asked", 0, true },
		{ "yesterday", 24 * HOUR_MS, true },
		{ "the-limit", 48 * HOUR_MS, true },
		{ "too-old", 48 * HOUR_MS + 1, false },
		{ "long-ago", 1000 * HOUR_MS, false },
		{ "ahead-of-us", -HOUR_MS, true },
		{ "a-day-ahead", -24 * HOUR_MS, true },
		{ "by-a-wrong-clock", -24 * HOUR_MS - 1, false },
		{ "a-year-ahead", -8760 * HOUR_MS, false },
	};
	const int64_t now = INT64_C(1795000000000);
	struct store *s;
	const void *data;
	size_t i, len;

	(void)state;
	s = open_store(".", "t1", STORE_EXCLUSIVE);
	for (i = 0; i < ARRAY_LEN(cases); i++)
		put(s, cases[i].id, now - cases[i].age_ms);
	store_put(s, STORE_CUSTOMERS, "damaged", "x", 1);
	store_put(s, STORE_CHATS, "chat", "\1", 1);
	commit_store(s);
	customers_drop_old(s, now);
	commit_store(s);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (store_get(s, STORE_CUSTOMERS, cases[i].id, &data, &len) !=
		    cases[i].stays)
			fail_msg("%s", cases[i].id);
	}
	assert_false(store_get(s, STORE_CUSTOMERS, "damaged", &data, &len));
	assert_true(store_get(s, STORE_CHATS, "chat", &data, &len));
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(customers_age),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
