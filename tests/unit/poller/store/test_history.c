/*
 * The messages of a chat: their order, when an episode began, and how they
 * are kept in the state; and that paging comes to an end.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/client/paging_guard.h"
#include "poller/store/chat_state.h"
#include "poller/store/history.h"

static const struct {
	const char *a, *b;
	int want;
} ids[] = {
	{ "9", "10", -1 },
	{ "10", "9", 1 },
	{ "10", "10", 0 },
	{ "123456789012345678901234567890", "123456789012345678901234567891",
	    -1 },
	{ "99999999999999999999", "100000000000000000000", -1 },
	{ "007", "9", 1 }, /* no number: it begins with 0 */
	{ "0", "1", -1 },
	{ "5", "a", -1 },
	{ "", "5", 1 },
	{ "a", "b", -1 },
	{ "-5", "5", 1 },
};

static void
ids_are_ordered_by_value(void **state)
{
	size_t i;
	int got;

	(void)state;
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		got = history_compare_ids(ids[i].a, ids[i].b);
		if ((got > 0) - (got < 0) != ids[i].want)
			fail_msg("'%s' '%s': got %d", ids[i].a, ids[i].b, got);
	}
}

static char id_text[] = "?", episode_text[] = "?", body_text[] = "?";

/* "a1x" is message a at 1 of episode x ("-": of none), "!" behind it a closing,
 * "+" one that was fetched. */
static void
put(struct history *h, const char *m)
{
	struct history_message new = { .id = id_text,
		.episode = episode_text,
		.body = body_text,
		.at = m[1] - '0',
		.closing = strchr(m, '!') != NULL,
		.fetched = strchr(m, '+') != NULL };

	id_text[0] = m[0];
	episode_text[0] = m[2] == '-' ? '\0' : m[2];
	body_text[0] = m[2];
	history_put(h, &new);
}

static struct history
make(const char *text)
{
	struct history h = HISTORY_INIT;
	char *copy = xstrdup(text), *save = NULL, *word;

	for (word = strtok_r(copy, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		put(&h, word);
	free(copy);
	history_sort(&h);
	return h;
}

static char *
show(const struct history *h)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < h->n; i++)
		buf_addf(&b, "%s%s%d%s", i > 0 ? " " : "", h->messages[i].id,
		    (int)h->messages[i].at, h->messages[i].episode);
	return buf_take(&b);
}

static const struct {
	const char *name, *in, *want;
} merges[] = {
	{ "by time, then id", "b2x c1x a2x", "c1x a2x b2x" },
	{ "the same message once, as put last", "a1x b2x a3y", "b2x a3y" },
};

static void
messages_are_merged(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(merges); i++) {
		struct history h = make(merges[i].in);
		char *got = show(&h);

		if (strcmp(got, merges[i].want) != 0)
			fail_msg("%s: got '%s'", merges[i].name, got);
		free(got);
		history_release(&h);
	}
}

#define NONE CLOCK_NONE

static const struct {
	const char *name, *in, *episode;
	int64_t known, begin, want;
} openings[] = {
	{ "the first message of the episode", "a1x b2y c3y", "y", NONE, 0, 2 },
	{ "whatever lies between", "a1y b2x c3y", "y", NONE, 0, 1 },
	{ "none of it is seen: the begin", "a1x b2x", "y", NONE, 2, 2 },
	{ "none of it is seen: the newest that is", "a1x b2z c3z", "y", NONE, 0,
	    2 },
	{ "the newest has none: the begin", "a1x b2-", "y", NONE, 1, 1 },
	{ "none of it is seen: what was known", "a4x", "y", 5, 1, 5 },
	{ "no episodes: after the last closing", "a1- b2-! c3-! d4- e5-", NULL,
	    NONE, 0, 4 },
	{ "nothing after the closing", "a1- b2-!", NULL, NONE, 0, 2 },
	{ "after it, whatever an earlier poll took for the first",
	    "a1-! b2- c3-", NULL, 3, 0, 2 },
	{ "no closing: the begin", "a1- b2-", NULL, NONE, 0, 0 },
	{ "no closing, but one was seen before", "a4- b5-", NULL, 4, 0, 4 },
	{ "nothing known at all: the first message", "a4- b5-", NULL, NONE,
	    NONE, 4 },
	{ "nothing whatever", "", NULL, NONE, NONE, NONE },
};

static void
episodes_begin(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(openings); i++) {
		struct history h = make(openings[i].in);
		int64_t got = history_opened_at(&h, openings[i].episode,
		    openings[i].known, openings[i].begin);

		if (got != openings[i].want)
			fail_msg(
			    "%s: got %lld", openings[i].name, (long long)got);
		history_release(&h);
	}
}

static void
only_fetched_messages_settle_a_chat(void **state)
{
	struct history h = make("a1x+ b2x c3x a1x c3x+");

	(void)state;
	assert_true(history_fetched(&h, "a"));
	assert_false(history_fetched(&h, "b"));
	assert_true(history_fetched(&h, "c"));
	assert_false(history_fetched(&h, "d"));
	assert_string_equal(history_complete_up_to(&h, 3), "a");
	assert_string_equal(history_complete_up_to(&h, 1), "a");
	assert_string_equal(history_complete_up_to(&h, 9), "c");
	history_drop_before(&h, 2);
	assert_int_equal(h.n, 2);
	history_release(&h);
	assert_null(history_complete_up_to(&h, 1));
}

/* A message between the last closing and the first that is seen may come. */
static void
the_last_closing_stays(void **state)
{
	struct history h = make("a1-! b2- c3-! d4- e5-");
	char *got;

	(void)state;
	history_drop_before(&h, 5);
	got = show(&h);
	assert_string_equal(got, "c3 e5");
	free(got);
	history_release(&h);
}

static void
a_chat_survives_the_state(void **state)
{
	struct chat_state c = { .failures = 2,
		.complete = true,
		.opened_at = 5,
		.since = 6,
		.left_at = 7,
		.history = make("a1x b2y! c3z+") };
	struct chat_state back;
	struct chat_peek peek;
	struct buf b = BUF_INIT;
	const char *body;
	int64_t at;
	size_t len, i;
	char *got;

	(void)state;
	c.mark = xstrdup("the mark");
	c.episode = xstrdup("");
	c.operator_id = xstrdup("ann");
	chat_state_encode(&c, &b);
	assert_int_equal(chat_state_decode(&back, b.data, b.len), 0);
	assert_string_equal(back.mark, "the mark");
	assert_string_equal(back.episode, "");
	assert_string_equal(back.operator_id, "ann");
	assert_int_equal(back.failures, 2);
	assert_true(back.complete);
	assert_int_equal(back.opened_at, 5);
	assert_int_equal(back.since, 6);
	assert_int_equal(back.left_at, 7);
	got = show(&back.history);
	assert_string_equal(got, "a1x b2y c3z");
	assert_true(back.history.messages[1].closing);
	assert_false(back.history.messages[1].fetched);
	assert_true(back.history.messages[2].fetched);
	free(got);
	chat_state_release(&back);

	assert_int_equal(chat_peek_decode(&peek, b.data, b.len), 0);
	assert_string_equal(peek.mark, "the mark");
	assert_string_equal(peek.operator_id, "ann");
	for (i = 1; i <= 3; i++) {
		assert_true(chat_peek_next(&peek, &at, &body, &len));
		assert_int_equal(at, i);
		assert_int_equal(len, 1);
		assert_int_equal(*body, "xyz"[i - 1]);
	}
	assert_false(chat_peek_next(&peek, &at, &body, &len));

	/* Cut anywhere, it is refused or is shorter, but never read past. */
	for (i = 0; i < b.len; i++) {
		char *cut = xmalloc(i + 1);

		memcpy(cut, b.data, i);
		assert_int_equal(chat_state_decode(&back, cut, i), -1);
		if (chat_peek_decode(&peek, cut, i) == 0) {
			while (chat_peek_next(&peek, &at, &body, &len))
				;
		}
		free(cut);
	}
	chat_state_release(&c);
	buf_release(&b);
}

/* One page: its records' bodies, and its next cursor. */
static int
look(struct paging_guard *p, const char *body, const char *next, bool moved)
{
	struct crm_record record = { .type = RECORD_MESSAGE,
		.body = xstrdup(body) };
	struct profile_answer a = { .records = &record,
		.n = *body != '\0',
		.next = next != NULL ? value_chat(next) : NULL,
		.moved = moved };
	struct buf why = BUF_INIT;
	int rc = paging_guard_check(p, &a, 5, &why);

	assert_true((rc == 0) == (why.len == 0));
	value_unref(a.next);
	free(record.body);
	buf_release(&why);
	return rc;
}

static void
paging_ends(void **state)
{
	struct paging_guard p = { .pages = 0 };

	(void)state;
	assert_int_equal(look(&p, "only one", NULL, false), 0);
	paging_guard_release(&p);

	p = (struct paging_guard){ .pages = 0 };
	assert_int_equal(look(&p, "a", "1", false), 0);
	assert_int_equal(look(&p, "b", "2", false), 0);
	assert_int_equal(look(&p, "a", "3", false), -1); /* the same page */
	paging_guard_release(&p);

	p = (struct paging_guard){ .pages = 0 };
	assert_int_equal(look(&p, "a", "1", false), 0);
	assert_int_equal(look(&p, "b", "1", false), -1); /* the same cursor */
	paging_guard_release(&p);

	p = (struct paging_guard){ .pages = 0 };
	assert_int_equal(look(&p, "a", "1", false), 0);
	assert_int_equal(look(&p, "b", "2", true), 0);
	assert_int_equal(look(&p, "b", "3", false), 0); /* it said so */
	assert_int_equal(look(&p, "b", "4", false), -1);
	paging_guard_release(&p);

	p = (struct paging_guard){ .pages = 0 };
	assert_int_equal(look(&p, "", "1", false), 0);
	assert_int_equal(look(&p, "", "2", false), 0);
	assert_int_equal(look(&p, "", "3", false), 0);
	assert_int_equal(look(&p, "", "4", false), 0);
	assert_int_equal(look(&p, "", "5", false), -1); /* too many */
	paging_guard_release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_ordered_by_value),
		cmocka_unit_test(messages_are_merged),
		cmocka_unit_test(episodes_begin),
		cmocka_unit_test(only_fetched_messages_settle_a_chat),
		cmocka_unit_test(the_last_closing_stays),
		cmocka_unit_test(a_chat_survives_the_state),
		cmocka_unit_test(paging_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
