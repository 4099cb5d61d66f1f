/*
 * Tests of reaper/close/answers: each chat has one answer, the last one.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/json_text.h"
#include "reaper/close/answers.h"

/* Reads "TENANT CHAT STATUS MINUTE" as a record and adds it. */
static void
say(struct answers *c, const char *tenant, const char *chat, const char *status,
    int minute)
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
	answers_add(c, &r, "line 1");
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
	struct answers c = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		say(&c, "t", "5", cases[i].first, cases[i].at1);
		say(&c, "t", "5", cases[i].second, cases[i].at2);
		answers_reduce(&c);
		if (c.n != 1 || c.list[0].status != cases[i].want)
			fail_msg("%s: %zu answers, status %d", cases[i].name,
			    c.n, (int)c.list[0].status);
		answers_clear(&c);
	}
	answers_release(&c);
}

static void
many_lines_about_few_chats_stay_few(void **state)
{
	struct answers c = { .n = 0 };
	int i;

	(void)state;
	say(&c, "t", "5", "gone", 59);
	for (i = 0; i < 10000; i++)
		say(&c, "t", "5", "open", i % 59);
	assert_true(c.cap <= 128);
	answers_reduce(&c);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.list[0].status, CHAT_GONE);
	say(&c, "t", "5", "closed", 59);
	answers_reduce(&c);
	assert_int_equal(c.list[0].status, CHAT_CLOSED);
	answers_release(&c);
}

/* Tenant and chat are two names: "a" "bc" differs from "ab" "c". */
static void
they_are_sorted_into_runs(void **state)
{
	struct answers c = { .n = 0 };
	size_t i;

	(void)state;
	say(&c, "b", "1", "closed", 1);
	say(&c, "a", "bc", "closed", 1);
	say(&c, "ab", "c", "closed", 1);
	say(&c, "ab", "bc", "closed", 1);
	say(&c, "a", "10", "closed", 1);
	say(&c, "a", "9", "closed", 1);
	assert_int_equal(c.n, 6);
	answers_reduce(&c);
	assert_string_equal(c.list[0].chat, "10");
	assert_string_equal(c.list[1].chat, "9");
	assert_string_equal(c.list[2].chat, "bc");
	assert_int_equal(answers_tenant_end(&c, 0), 3);
	i = answers_tenant_end(&c, 3);
	assert_int_equal(i, 5);
	assert_int_equal(answers_tenant_end(&c, i), 6);
	answers_release(&c);
}

int
test_answers(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_asked_for_last_counts),
		cmocka_unit_test(many_lines_about_few_chats_stay_few),
		cmocka_unit_test(they_are_sorted_into_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
