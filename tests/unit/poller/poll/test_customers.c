/*
 * Tests of poller/customers: they age out of the state, nothing else does; and
 * what ends the poll when they cannot be read.
 */
#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "common/containers/pack.h"
#include "common/os/stop.h"
#include "poller/poll/customers.h"
#include "poller/store/store.h"

static void
put(struct store *s, const char *id, int64_t asked_ms)
{
	struct buf b = BUF_INIT;

	pack_put_number(&b, 2); /* its layout */
	pack_put_signed(&b, asked_ms);
	pack_put_number(&b, 0);
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

/* Of the CRM that is asked. */
static struct tenant *tenant;
static unsigned told, given_up;

static void
count_told(void *waiter, const char *person)
{
	(void)waiter;
	(void)person;
	told++;
}

static void
give_up(
    void *ctx, enum error_class error, const char *what, const char *message)
{
	(void)what;
	(void)message;
	assert_int_equal(error, ERROR_CLASS_LATER);
	given_up++;
	fetch_stop(ctx);
}

/* Asks about customers first to last, and waits for the answers. */
static void
ask(struct customers *all, struct http *http, int first, int last)
{
	char id[20];

	for (; first <= last; first++) {
		(void)snprintf(id, sizeof id, "%d", first);
		assert_null(
		    customers_get(all, id, clock_now_ms(), count_told, NULL));
	}
	while (fetch_turn(http, &all->fetch, 1) > 0)
		(void)stop_sleep(10);
}

/* Nothing else is asked meanwhile, which could show that the CRM works. */
static void
a_crm_that_fails(void **state)
{
	static const struct {
		bool works_first;
		int last;
		unsigned told, given_up;
	} cases[] = {
		{ false, 1, 1, 0 },
		{ false, 40, 40, 0 }, /* the first ten are asked about */
		{ true, 12, 12, 0 },
		{ true, 40, 11, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct skew skew = { .known = false };
		struct http *http = http_new();
		struct fetch *f = fetch_new(http, tenant, &skew);
		struct customers all = { .tenant = tenant,
			.fetch = f,
			.give_up = give_up,
			.ctx = f };

		told = given_up = 0;
		fake_crm.status = 200;
		fake_crm.body = "{\"status\":\"success\","
				"\"data\":{\"id\":1,\"name\":\"Ann\"}}";
		if (cases[i].works_first)
			ask(&all, http, 1, 1);
		fake_crm.status = 500;
		fake_crm.body = "";
		ask(&all, http, cases[i].works_first ? 2 : 1, cases[i].last);
		assert_int_equal(told, cases[i].told);
		assert_int_equal(given_up, cases[i].given_up);
		customers_release(&all);
		fetch_free(f);
		http_free(http);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(customers_age),
		cmocka_unit_test(a_crm_that_fails),
	};
	int rc;

	tenant = fake_tenant_open(10000);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	fake_tenant_close(tenant);
	return rc;
}
