/*
 * Tests of poller/chats_leave: chats that left stay for a week, whatever the
 * clock was when they did; and which of them are asked about.
 */
#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/poll/chats_leave.h"
#include "poller/store/chat_state.h"

/* The CRM's clock is years behind ours. */
#define BEHIND_MS (3000 * DAY_MS)

/* left_at 0: it was in the list of the last poll. */
static void
put(struct store *s, const char *id, int64_t opened_at, int64_t left_at)
{
	struct chat_state c = { .mark = xstrdup("m"),
		.episode = xstrdup(""),
		.operator_id = xstrdup(""),
		.opened_at = opened_at,
		.left_at = left_at };
	struct buf b = BUF_INIT;

	chat_state_encode(&c, &b);
	store_put(s, STORE_CHATS, id, b.data, b.len);
	buf_release(&b);
	chat_state_release(&c);
}

static bool
is_there(struct store *s, const char *id, int64_t *left_at)
{
	struct chat_peek p;
	const void *data;
	size_t len;

	if (!store_get(s, STORE_CHATS, id, &data, &len))
		return false;
	assert_int_equal(chat_peek_decode(&p, data, len), 0);
	*left_at = p.left_at;
	return true;
}

static void
chats_that_left_age(void **state)
{
	static const struct {
		const char *id;
		int64_t age_ms;
		bool stays;
	} cases[] = {
		{ "yesterday", DAY_MS, true },
		{ "a-week-ago", 7 * DAY_MS, false },
		{ "an-hour-ahead", -HOUR_MS, true },
		{ "eight-days-ahead", -8 * DAY_MS, false },
		{ "by-our-clock", -BEHIND_MS, false },
	};
	struct skew skew = { .known = true, .offset_ms = -BEHIND_MS };
	const int64_t now = clock_now_ms() - BEHIND_MS;
	struct chats cs = { .skew = &skew };
	int64_t left_at = 0;
	size_t i;

	(void)state;
	cs.store = open_store(".", "t1", STORE_EXCLUSIVE);
	for (i = 0; i < ARRAY_LEN(cases); i++)
		put(cs.store, cases[i].id, now, now - cases[i].age_ms);
	put(cs.store, "leaves-now", now, 0);
	commit_store(cs.store);
	chats_leave(&cs, LEFT_NONE);
	commit_store(cs.store);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (is_there(cs.store, cases[i].id, &left_at) != cases[i].stays)
			fail_msg("%s", cases[i].id);
	}
	assert_true(is_there(cs.store, "leaves-now", &left_at));
	assert_in_range(left_at - now, 0, HOUR_MS);
	assert_int_equal(cs.left, 1);
	store_close(cs.store);
}

/* Those that are deleted after a week are none that left now. */
static void
those_that_left_now_are_asked_about(void **state)
{
	static const struct {
		enum chats_asked ask;
		int now, deleted;
		size_t left, asked;
	} cases[] = {
		{ LEFT_NONE, 3, 0, 3, 0 },
		{ LEFT_FEW, 3, 0, 3, 3 },
		{ LEFT_FEW, 50, 60, 50, 50 },
		{ LEFT_FEW, 51, 0, 51, 0 },
		{ LEFT_ALL, 3, 0, 3, 3 },
		{ LEFT_ALL, 51, 60, 50, 50 },
	};
	struct tenant tenant = { .name = "acme", .concurrency = 1 };
	struct skew skew = { .known = false };
	const int64_t now = clock_now_ms();
	struct chats cs = { .skew = &skew };
	struct http *http = http_new();
	char id[20];
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(id, sizeof id, "t%zu", i);
		cs.store = open_store(".", id, STORE_EXCLUSIVE);
		cs.fetch = fetch_new(http, &tenant, &skew);
		cs.left = 0;
		for (k = 0; k < cases[i].now + cases[i].deleted; k++) {
			(void)snprintf(id, sizeof id, "%d", k);
			put(cs.store, id, now,
			    k < cases[i].now ? 0 : now - 8 * DAY_MS);
		}
		commit_store(cs.store);
		chats_leave(&cs, cases[i].ask);
		assert_int_equal(cs.left, cases[i].left);
		assert_int_equal(fetch_left(cs.fetch), cases[i].asked);
		fetch_free(cs.fetch);
		chats_leave_release(&cs);
		store_close(cs.store);
	}
	http_free(http);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chats_that_left_age),
		cmocka_unit_test(those_that_left_now_are_asked_about),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
