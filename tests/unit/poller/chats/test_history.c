/*
 * Tests of poller/chats/history: which message opened the current episode.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"

#include "poller/chats/history.h"

/* Adds a message; its id is its time. */
static void
put(struct history *h, int64_t at, bool opening, bool closing, char *episode)
{
	char id[24];
	struct crm_record r = { .type = RECORD_MESSAGE,
		.id = id,
		.episode = episode,
		.body = (char *)(uintptr_t) "",
		.at = at,
		.opening = opening,
		.closing = closing };

	(void)snprintf(id, sizeof id, "%lld", (long long)at);
	history_put(h, &r, true);
	history_sort(h);
}

static void
a_survey_after_a_closing_opens_nothing(void **state)
{
	struct history h = HISTORY_INIT;

	(void)state;
	put(&h, 0, true, false, NULL);
	put(&h, 300, false, true, NULL);
	put(&h, 301, false, false, NULL);
	assert_int_equal(history_opened_at(&h, NULL, CLOCK_NONE, 0), 300);
	put(&h, 900, true, false, NULL);
	put(&h, 950, true, false, NULL);
	assert_int_equal(history_opened_at(&h, NULL, CLOCK_NONE, 0), 900);
	history_release(&h);
}

static void
a_campaign_does_not_open_a_named_episode(void **state)
{
	char first[] = "1", second[] = "2";
	struct history h = HISTORY_INIT;

	(void)state;
	put(&h, 0, true, false, first);
	put(&h, 100, false, false, second);
	assert_int_equal(history_opened_at(&h, second, 7, CLOCK_NONE), 7);
	put(&h, 120, true, false, second);
	assert_int_equal(history_opened_at(&h, second, 7, CLOCK_NONE), 120);
	assert_true(history_opens(&h, 2, second));
	assert_false(history_opens(&h, 1, second));
	history_release(&h);
}

int
test_history(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_survey_after_a_closing_opens_nothing),
		cmocka_unit_test(a_campaign_does_not_open_a_named_episode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
