/*
 * Tests of aggregator/eventcounter_*: what is an event, which ids are
 * remembered how long, and that counts by type are exact. The rest
 * needs a broker: tests/e2e/eventcounter.t.
 */
#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#include "aggregator/eventcounter/eventcounter_event.h"
#include "aggregator/eventcounter/eventcounter_files.h"
#include "aggregator/eventcounter/eventcounter_ids.h"

#define TEXT_19 "abcdefghijklmnopqrs"
#define TEXT_38 TEXT_19 TEXT_19
#define TEXT_191 TEXT_38 TEXT_38 TEXT_38 TEXT_38 TEXT_38 "t"

#define HOUR INT64_C(3600000)

static const struct {
	const char *key, *body;
	const char *user; /* NULL: refused, why has... */
	enum event_type type;
	const char *id, *why;
} cases[] = {
	{ "user_a.event.created", "{\"id\":\"x\"}", "user_a", EVENT_CREATED,
	    "x", "" },
	{ "u.event.updated", " {\n\"id\" : \"\\u00e9\" }\n", "u", EVENT_UPDATED,
	    "\xc3\xa9", "" },
	{ "u.event.deleted", "{\"a\":1,\"id\":\"1\",\"b\":[2]}", "u",
	    EVENT_DELETED, "1", "" },
	{ "event.event.deleted", "{\"id\":\"1\"}", "event", EVENT_DELETED, "1",
	    "" },
	{ "u.event.deleted", "{\"id\":\"1\",\"id\":\"2\"}", "u", EVENT_DELETED,
	    "2", "" },
	{ "u.event", "{}", NULL, 0, NULL, "'u.event' is not USER.event.TYPE" },
	{ "", "{}", NULL, 0, NULL, "'' is not USER.event.TYPE" },
	{ ".event.created", "{}", NULL, 0, NULL, "is not USER.event.TYPE" },
	{ "a.b.event.created", "{}", NULL, 0, NULL, "is not USER.event.TYPE" },
	{ "a.event.created.b", "{}", NULL, 0, NULL, "is not USER.event.TYPE" },
	{ "a.events.created", "{}", NULL, 0, NULL, "is not USER.event.TYPE" },
	{ "a.even", "{}", NULL, 0, NULL, "is not USER.event.TYPE" },
	{ "a.event.Created", "{}", NULL, 0, NULL, "'Created' is no type" },
	{ "a.event.create", "{}", NULL, 0, NULL, "'create' is no type" },
	{ "\xff.event.created", "{}", NULL, 0, NULL, "is no text" },
	{ "a b.event.created", "{\"id\":\"1\"}", "a b", EVENT_CREATED, "1",
	    "" },
	{ "a .event.created", "{\"id\":\"1\"}", NULL, 0, NULL,
	    "the user of the routing key ends with a blank" },
	{ "a\nb.event.created", "{\"id\":\"1\"}", NULL, 0, NULL,
	    "the user of the routing key holds a control character" },
	{ "\x7f.event.created", "{\"id\":\"1\"}", NULL, 0, NULL,
	    "holds a control character" },
	{ "a\xc2\x85.event.created", "{\"id\":\"1\"}", NULL, 0, NULL,
	    "holds a control character" },
	{ TEXT_191 ".event.created", "{\"id\":\"1\"}", TEXT_191, EVENT_CREATED,
	    "1", "" },
	{ TEXT_191 "u.event.created", "{\"id\":\"1\"}", NULL, 0, NULL,
	    "is too long" },
	{ "a.event.created", "", NULL, 0, NULL, "an empty line" },
	{ "a.event.created", "{", NULL, 0, NULL, "not JSON" },
	{ "a.event.created", "null", NULL, 0, NULL, "not " },
	{ "a.event.created", "{\"id\":1}", NULL, 0, NULL, "not a string" },
	{ "a.event.created", "{\"id\":{}}", NULL, 0, NULL, "not a string" },
	{ "a.event.created", "{\"ID\":\"1\"}", NULL, 0, NULL, "no id" },
	{ "a.event.created", "{\"id\":null}", NULL, 0, NULL, "no id" },
	{ "a.event.created", "{\"id\":\"\"}", NULL, 0, NULL, "no id" },
	{ "a.event.created", "{\"id\":\"1\\u0000\"}", NULL, 0, NULL,
	    "the id holds \\u0000" },
	{ "a.event.created", "{\"id\":\"1\\n\"}", NULL, 0, NULL,
	    "the id holds a control character" },
};

static void
an_event_is_understood_or_refused(void **state)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	char body[256];
	struct user_event e;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		memset(body, 0, sizeof body);
		memcpy(body, cases[i].body, strlen(cases[i].body));
		buf_clear(&why);
		rc = event_parse(&e, &f, cases[i].key, strlen(cases[i].key),
		    body, strlen(body), &why);
		if (rc != (cases[i].user != NULL ? 0 : -1) ||
		    strstr(buf_str(&why), cases[i].why) == NULL)
			fail_msg("%s %s: %d, %s", cases[i].key, body, rc,
			    buf_str(&why));
		if (rc != 0)
			continue;
		assert_int_equal(e.type, cases[i].type);
		assert_int_equal(e.user_len, strlen(cases[i].user));
		assert_memory_equal(e.user, cases[i].user, e.user_len);
		assert_int_equal(e.id_len, strlen(cases[i].id));
		assert_memory_equal(e.id, cases[i].id, e.id_len);
	}
	flat_release(&f);
	buf_release(&why);
}

static bool
add(struct ids *ids, const char *id)
{
	return ids_add(ids, id, strlen(id));
}

static void
pass_a_window(struct ids *ids)
{
	ids->begun_ms -= HOUR;
	ids_save(ids);
}

static void
ids_are_remembered_for_a_window_at_least(void **state)
{
	struct ids ids = { .window_ms = HOUR };
	char id[16];
	int i;

	(void)state;
	ids_open(&ids, NULL);
	assert_true(add(&ids, "a"));
	assert_false(add(&ids, "a"));
	assert_true(add(&ids, ""));
	assert_false(add(&ids, ""));
	for (i = 0; i < 100000; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		assert_true(add(&ids, id));
	}
	for (i = 0; i < 100000; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		assert_false(add(&ids, id));
	}
	pass_a_window(&ids);
	assert_false(add(&ids, "a"));
	assert_true(add(&ids, "b"));
	pass_a_window(&ids);
	assert_true(add(&ids, "a"));
	assert_false(add(&ids, "b"));
	ids_release(&ids);
}

static struct state *
open_state(const char *dir)
{
	const struct state_identity id = { "eventcounter", 1000, NULL, 0 };
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct state *s =
	    state_open(dir, &id, (size_t)64 * 1024 * 1024, &code, &why);

	if (s == NULL)
		fail_msg("%s", buf_str(&why));
	return s;
}

static void
only_ids_that_were_committed_are_known_again(void **state)
{
	struct ids ids = { .window_ms = HOUR };
	struct state *s = open_state("state");
	struct buf why = BUF_INIT;

	(void)state;
	ids_open(&ids, s);
	assert_true(add(&ids, "a"));
	ids_save(&ids);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	assert_true(add(&ids, "b"));
	ids_save(&ids);
	assert_int_equal(state_commit(s, &why), PROG_OK);
	assert_true(add(&ids, "c"));
	ids_save(&ids); /* and killed */
	ids_release(&ids);
	state_close(s);

	s = open_state("state");
	ids.window_ms = HOUR;
	ids_open(&ids, s);
	assert_false(add(&ids, "a"));
	assert_false(add(&ids, "b"));
	assert_true(add(&ids, "c"));
	ids_release(&ids);
	state_close(s);
	buf_release(&why);
}

static void
generations_survive_a_restart(void **state)
{
	struct state *s;
	struct ids ids;
	struct buf why = BUF_INIT;
	const char *const all[] = { "a", "b", "c", "d" };
	size_t i;

	(void)state;
	/* Each run finds the one before it a generation older. */
	for (i = 0; i < ARRAY_LEN(all); i++) {
		s = open_state("generations");
		memset(&ids, 0, sizeof ids);
		ids.window_ms = HOUR;
		ids_open(&ids, s);
		if (i > 0)
			assert_false(add(&ids, all[i - 1]));
		if (i > 1)
			assert_true(add(&ids, all[i - 2]));
		assert_true(add(&ids, all[i]));
		pass_a_window(&ids);
		assert_int_equal(state_commit(s, &why), PROG_OK);
		ids_release(&ids);
		state_close(s);
	}
	buf_release(&why);
}

/* Else a counter that cron starts would never end the window. */
static void
a_window_begun_by_a_clock_ahead_begins_anew(void **state)
{
	const int64_t ahead = clock_now_ms() + 1000 * HOUR;
	struct state *s = open_state("ahead");
	struct ids ids = { .window_ms = HOUR };
	struct buf why = BUF_INIT;
	int run;

	(void)state;
	state_set_number(s, "ids_begun", ahead);
	for (run = 0; run < 2; run++) {
		ids_open(&ids, s);
		(void)add(&ids, run == 0 ? "a" : "b");
		ids_save(&ids);
		assert_true(state_number(s, "ids_begun", 0) < ahead);
		assert_int_equal(state_commit(s, &why), PROG_OK);
		ids_release(&ids);
		ids.window_ms = HOUR;
	}
	state_close(s);
	ids_open(&ids, NULL);
	ids.begun_ms = ahead;
	ids_save(&ids);
	assert_true(ids.begun_ms < ahead);
	ids_release(&ids);
	buf_release(&why);
}

static void
counts_by_type_are_written_as_files(void **state)
{
	struct buf why = BUF_INIT, text = BUF_INIT;
	struct event_counts p;
	size_t i;
	FILE *f;
	char line[256];

	(void)state;
	assert_int_equal(event_counts_open(&p, &why), PROG_OK);
	for (i = 0; i < 30000; i++)
		event_counts_add(&p, i % 3 == 0 ? EVENT_CREATED : EVENT_DELETED,
		    i % 2 == 0 ? "zoe" : "a\"b", 3);
	event_counts_wait(&p);
	assert_int_equal(p.by_type[EVENT_CREATED].changed_n, 2);
	assert_int_equal(p.by_type[EVENT_UPDATED].changed_n, 0);
	event_counts_clear_changed(&p);
	event_counts_add(&p, EVENT_CREATED, "B", 1);
	event_counts_wait(&p);
	assert_int_equal(p.by_type[EVENT_CREATED].changed_n, 1);
	assert_int_equal(files_check("files", &why), 0);
	assert_int_equal(files_write("files", &p, &why), 0);
	assert_int_not_equal(access("files/updated.json", F_OK), 0);
	f = fopen("files/created.json", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		buf_adds(&text, line);
	(void)fclose(f);
	assert_string_equal(buf_str(&text),
	    "{\n  \"B\": 1,\n  \"a\\\"b\": 5000,\n  \"zoe\": 5000\n}");
	event_counts_close(&p);
	buf_release(&why);
	buf_release(&text);
}

static int
leave(void **state)
{
	static const char *const folders[] = { "state", "generations", "ahead",
		"files" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(folders); i++) {
		tmpdir_empty(folders[i]);
		(void)rmdir(folders[i]);
	}
	return tmpdir_leave(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_understood_or_refused),
		cmocka_unit_test(ids_are_remembered_for_a_window_at_least),
		cmocka_unit_test(only_ids_that_were_committed_are_known_again),
		cmocka_unit_test(generations_survive_a_restart),
		cmocka_unit_test(a_window_begun_by_a_clock_ahead_begins_anew),
		cmocka_unit_test(counts_by_type_are_written_as_files),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, leave);
}
