/*
 * Tests of reaper/chat_answers: one answer a chat, the last asked for.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/flat.h"
#include "reaper/deletion/chat_answers.h"

/* Reads "TENANT CHAT STATUS MINUTE" as a record and adds or corrects. */
static void
say(struct chat_answers *c, bool add, const char *tenant, const char *chat,
    const char *status, int minute)
{
	struct flat flat = FLAT_INIT;
	struct record r;
	char line[512];
	int n = snprintf(line, sizeof line - 64,
	    "{\"type\":\"chat\",\"tenant\":\"%s\",\"chat\":\"%s\","
	    "\"status\":\"%s\",\"at\":\"2026-11-20T10:%02d:00Z\"}",
	    tenant, chat, status, minute);

	memset(line + n, 0, 64);
	assert_int_equal(record_parse(&r, &flat, line, (size_t)n, NULL), 0);
	if (add)
		(void)chat_answers_add(c, &r, "line 1");
	else
		chat_answers_correct(c, &r, "line 1");
	flat_release(&flat);
}

static void
the_answer_asked_for_last_counts(void **state)
{
	static const struct {
		const char *name, *first, *second;
		int at1, at2;
		enum chat_status want;
	} cases[] = {
		{ "reopened", "closed", "open", 1, 2, CHAT_OPEN },
		{ "reopened, out of order", "open", "closed", 2, 1, CHAT_OPEN },
		{ "closed", "open", "closed", 1, 2, CHAT_CLOSED },
		{ "the same time", "open", "closed", 1, 1, CHAT_OPEN },
		{ "the same time", "gone", "open", 1, 1, CHAT_OPEN },
		{ "the same time: the later line", "gone", "closed", 1, 1,
		    CHAT_CLOSED },
		{ "gone", "closed", "gone", 1, 2, CHAT_GONE },
	};
	struct chat_answers c = CHAT_ANSWERS_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		say(&c, true, "t", "5", cases[i].first, cases[i].at1);
		say(&c, true, "t", "5", cases[i].second, cases[i].at2);
		if (c.n != 1 || c.list[0]->status != cases[i].want)
			fail_msg("%s: %zu answers, status %d", cases[i].name,
			    c.n, (int)c.list[0]->status);
		chat_answers_clear(&c);
	}
	chat_answers_release(&c);
}

static void
correcting_adds_nothing(void **state)
{
	struct chat_answers c = CHAT_ANSWERS_INIT;

	(void)state;
	say(&c, false, "t", "5", "open", 9);
	assert_int_equal(c.n, 0);
	say(&c, true, "t", "5", "gone", 1);
	say(&c, false, "t", "5", "open", 2);
	say(&c, false, "t", "6", "open", 2);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.list[0]->status, CHAT_OPEN);
	chat_answers_release(&c);
}

/* Tenant and chat are two names: "a" "bc" is not "ab" "c". */
static void
they_are_sorted_into_runs(void **state)
{
	struct chat_answers c = CHAT_ANSWERS_INIT;
	size_t i;

	(void)state;
	say(&c, true, "b", "1", "closed", 1);
	say(&c, true, "a", "bc", "closed", 1);
	say(&c, true, "ab", "c", "closed", 1);
	say(&c, true, "a", "10", "closed", 1);
	say(&c, true, "a", "9", "closed", 1);
	assert_int_equal(c.n, 5);
	chat_answers_sort(&c);
	assert_string_equal(c.list[0]->chat, "10");
	assert_string_equal(c.list[1]->chat, "9");
	assert_string_equal(c.list[2]->chat, "bc");
	assert_int_equal(chat_answers_tenant_end(c.list, 0, c.n), 3);
	assert_int_equal(chat_answers_tenant_end(c.list, 0, 2), 2);
	i = chat_answers_tenant_end(c.list, 3, c.n);
	assert_int_equal(i, 4);
	assert_int_equal(chat_answers_tenant_end(c.list, i, c.n), 5);
	chat_answers_release(&c);
}

int
test_chat_answers(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_asked_for_last_counts),
		cmocka_unit_test(correcting_adds_nothing),
		cmocka_unit_test(they_are_sorted_into_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
