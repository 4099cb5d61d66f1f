/*
 * Tests of poller/operators: which of the state are read again.
 */
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "poller/poll/operators.h"

#define NOW (INT64_C(1795000000000))

static void
keep_operator(struct store *s, const char *id, bool anew)
{
	struct operators ops = { .n = 0 };
	struct buf why = BUF_INIT;
	bool repaired;
	char *text = xasprintf("{\"id\":%s}", id);
	struct crm_record r = { .type = RECORD_OPERATOR,
		.id = xstrdup(id),
		.raw = value_parse(text, strlen(text), &repaired, &why),
		.body = xasprintf("\"operator\":\"%s\"", id) };

	if (anew)
		operators_forget(s);
	else
		assert_false(operators_load(&ops, s, NOW, 0));
	operators_add(&ops, &r, NOW);
	operators_keep(&ops, s);
	commit_store(s);
	operators_release(&ops);
	value_unref(r.raw);
	free(text);
	free(r.id);
	free(r.body);
}

static void
keep(struct store *s, const char *id)
{
	keep_operator(s, id, false);
}

static void
keep_anew(struct store *s, const char *id)
{
	keep_operator(s, id, true);
}

static bool
loads(struct store *s, int64_t now_ms)
{
	struct operators ops = { .n = 0 };
	bool yes = operators_load(&ops, s, now_ms, HOUR_MS);

	assert_int_equal(ops.n, yes ? 1 : 0);
	operators_release(&ops);
	return yes;
}

static void
operators_age(void **state)
{
	struct store *s = open_store(".", "age", STORE_EXCLUSIVE);

	(void)state;
	assert_false(loads(s, NOW));
	keep(s, "7");
	assert_true(loads(s, NOW + HOUR_MS - 1));
	assert_false(loads(s, NOW + HOUR_MS));
	assert_false(loads(s, NOW - 1));
	store_close(s);
}

/* A listener that starts before the next poll reads them from the state. */
static void
invalid_ones_are_asked_for_and_stay(void **state)
{
	struct store *s = open_store(".", "invalid", STORE_EXCLUSIVE);
	const void *data;
	size_t len;

	(void)state;
	keep(s, "7");
	operators_invalidate(s);
	commit_store(s);
	assert_false(loads(s, NOW));
	assert_true(store_get(s, STORE_META, "operators", &data, &len));
	keep(s, "8");
	assert_true(loads(s, NOW));
	store_close(s);
}

static void
has_former(struct store *s, const char *want)
{
	struct operators ops = { .n = 0 };
	struct buf got = BUF_INIT;
	const char *json;
	size_t at = 0;

	assert_true(operators_load(&ops, s, NOW, HOUR_MS));
	while (at < ops.former.len) {
		json = ops.former.data + at;
		json += strlen(json) + 1;
		jsonw_next(&got);
		buf_adds(&got, json);
		at = (size_t)(json - ops.former.data) + strlen(json) + 1;
	}
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
	operators_release(&ops);
}

/* Who left is known on, who comes back is no former one. */
static void
former_ones_are_kept(void **state)
{
	struct store *s = open_store(".", "former", STORE_EXCLUSIVE);

	(void)state;
	keep(s, "7");
	has_former(s, "");
	keep(s, "8");
	has_former(s, "{\"id\":7}");
	keep(s, "9");
	has_former(s, "{\"id\":7},{\"id\":8}");
	keep(s, "7");
	has_former(s, "{\"id\":8},{\"id\":9}");
	keep_anew(s, "1");
	has_former(s, "");
	keep(s, "2");
	has_former(s, "{\"id\":1}");
	store_close(s);
}

/* Its record bears its name alone: it is not counted as an operator. */
static void
a_bot_is_marked(void **state)
{
	static char bot[] = "118";
	static char *const bots[] = { bot, NULL };
	struct operators ops = { .bots = bots };
	char person[] = "11", members[] = "\"operator\":\"1\"";
	struct crm_record r = {
		.type = RECORD_OPERATOR, .id = person, .body = members
	};

	(void)state;
	assert_string_equal(operators_add(&ops, &r, NOW), "\"operator\":\"1\"");
	r.id = bot;
	assert_string_equal(
	    operators_add(&ops, &r, NOW), "\"operator\":\"1\",\"stale\":true");
	operators_release(&ops);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_age),
		cmocka_unit_test(invalid_ones_are_asked_for_and_stay),
		cmocka_unit_test(former_ones_are_kept),
		cmocka_unit_test(a_bot_is_marked),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
