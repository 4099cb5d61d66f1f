/*
 * Tests of reaper/rights/subject_lines: which lines of files are about a
 * customer.
 */
#include "tests/unit/padded.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "reaper/rights/subject_lines.h"

/* The chats of the customer 5 of t are 10 and 11. */
static void
make_subject(struct subject *s, bool is_operator)
{
	memset(s, 0, sizeof *s);
	s->tenant = "t";
	s->id = "5";
	s->is_operator = is_operator;
	subject_add_chat(s, "10", 2);
	subject_add_chat(s, "11", 2);
}

#define ROW(table, members)                                                    \
	"{\"type\":\"row\",\"table\":\"" table "\",\"tenant\":\"t\"," members  \
	"}"
#define DEAD(record)                                                           \
	"{\"type\":\"dead\",\"reason\":\"r\",\"record\":\"" record "\"}"
#define WEBHOOK(tenant, payload)                                               \
	"{\"type\":\"dead\",\"reason\":\"r\",\"where\":\"webhook " tenant      \
	"/crm\",\"record\":\"" payload "\"}"
#define AUDIT(path, parameters)                                                \
	"{\"at\":\"2026-11-20T10:00:00.000Z\",\"tenant\":\"t\",\"id\":\"5\","  \
	"\"role\":\"lead\",\"subject\":\"5\",\"path\":\"/api/v1/" path         \
	"\",\"parameters\":{" parameters "},\"status\":200,\"rows\":5}"

static const struct {
	const char *line;
	bool match, of_operator; /* where an operator has the same id */
} lines[] = {
	{ ROW("chat_metrics", "\"chat\":\"9\",\"customer\":\"5\""), 1, 1 },
	{ ROW("chat_metrics", "\"chat\":\"9\",\"customer\":5"), 1, 1 },
	{ ROW("chat_metrics", "\"chat\":\"9\",\"customer\":\"55\""), 0, 0 },
	{ ROW("chat_metrics", "\"chat\":\"10\",\"customer\":\"6\""), 1, 1 },
	{ ROW("intervals", "\"chat\":\"11\""), 1, 1 },
	{ ROW("intervals", "\"chat\":\"5\""), 0, 0 },
	{ ROW("user_stats", "\"user_id\":\"5\""), 1, 0 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"customer\","
			  "\"sender_id\":\"5\""),
	    1, 1 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"operator\","
			  "\"sender_id\":\"5\",\"receiver_id\":\"6\""),
	    0, 0 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"bot\","
			  "\"sender_id\":\"5\",\"user_id\":\"5\""),
	    0, 0 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"system\","
			  "\"sender_id\":\"5\""),
	    1, 0 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"customer\","
			  "\"sender_id\":\"6\",\"receiver_id\":\"5\""),
	    1, 0 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"operator\","
			  "\"sender_id\":\"6\",\"receiver_id\":\"5\""),
	    1, 1 },
	{ ROW("messages", "\"conversation_id\":\"9\",\"sender\":\"customer\","
			  "\"sender_id\":\"6\",\"content\":\"5\""),
	    0, 0 },
	{ ROW("events", "\"user_id\":null,\"conversation_id\":\"10\""), 1, 1 },
	{ "{\"type\":\"message\",\"tenant\":\"t\",\"chat\":\"9\","
	  "\"from\":\"customer\",\"user\":\"5\"}",
	    1, 1 },
	{ "{\"type\":\"row\",\"tenant\":\"other\",\"customer\":\"5\"}", 0, 0 },
	{ "{\"type\":\"row\",\"customer\":\"5\"}", 0, 0 },
	{ DEAD("{\\\"tenant\\\":\\\"t\\\",\\\"customer\\\":\\\"5\\\"}"), 1, 1 },
	{ DEAD("{\\\"tenant\\\":\\\"t\\\",\\\"chat\\\":\\\"10\\\"}"), 1, 1 },
	{ DEAD("{\\\"tenant\\\":\\\"t\\\",\\\"customer\\\":\\\"6\\\"}"), 0, 0 },
	{ DEAD("no JSON about 5"), 0, 0 },
	{ WEBHOOK("t", "{\\\"client\\\": {\\\"id\\\": 5}}"), 1, 0 },
	{ WEBHOOK("t", "{\\\"from\\\":[{\\\"email\\\":\\\"5\\\"}]}"), 1, 0 },
	{ WEBHOOK("t", "{\\\"user\\\":\\\"\\\\u0035\\\"}"), 1, 0 },
	{ WEBHOOK("t", "{\\\"dialog_id\\\":10}"), 1, 1 },
	{ WEBHOOK("t", "[{\\\"roomId\\\":11}]"), 1, 1 },
	{ WEBHOOK("t", "{\\\"count\\\":5,\\\"id\\\":55,\\\"5\\\":1}"), 0, 0 },
	{ WEBHOOK("t", "{\\\"text\\\":\\\"5 of 10\\\""), 0, 0 },
	{ WEBHOOK("t2", "{\\\"client_id\\\":5}"), 0, 0 },
	{ "{\"type\":\"dead\",\"tenant\":\"t\",\"customer\":\"5\"}", 0, 0 },
	/* Of what is cut, the members that are whole. */
	{ "{\"tenant\":\"t\",\"customer\":\"5\",\"customer_na", 1, 1 },
	{ "{\"tenant\":\"t\",\"chat\":\"10\"", 1, 1 },
	{ "{\"tenant\":\"t\",\"chat\":\"10", 0, 0 },
	{ "{\"tenant\":\"t\",\"customer\":5", 0, 0 },
	{ "{\"tenant\":\"t2\",\"customer\":\"5\",\"na", 0, 0 },
	{ "{\"tenant\":\"t\",\"chat\":\"9\",\"te{\"customer\":\"5\"}", 0, 0 },
	{ DEAD("{\\\"tenant\\\":\\\"t\\\",\\\"chat\\\":\\\"10\\\",\\\"te"), 1,
	    1 },
	{ DEAD("{\\\"tenant\\\":\\\"t\\\",\\\"chat\\\":\\\"9\\\",\\\"te"), 0,
	    0 },
	/* As far as it is UTF-8. */
	{ "{\"tenant\":\"t\",\"customer\":\"5\",\"text\":\"a\xff\"}", 1, 1 },
	{ "{\"tenant\":\"t\",\"text\":\"a\xff\",\"customer\":\"5\"}", 0, 0 },
	{ "{\"tenant\":\"t\",\"\xe4\":1,\"customer\":\"5\"}", 0, 0 },
	/* Another line was glued to it: the number may have lost digits. */
	{ "{\"tenant\":\"t\",\"customer\":5{\"type\":\"row\"}", 0, 0 },
	{ "{\"tenant\":\"t\",\"customer\":5 {\"type\":\"row\"}", 1, 1 },
	{ AUDIT("users", "\"user_id\":\"5\""), 1, 0 },
	{ AUDIT("users", "\"user_id\":\"55\",\"limit\":\"5\""), 0, 0 },
	{ AUDIT("chats/10", "\"chat\":\"10\",\"operator\":\"5\""), 0, 0 },
	{ "no JSON about 5", 0, 0 },
	{ "", 0, 0 },
};

/* What the place of a line of the audit is taken by; NULL: nothing. */
static const struct {
	const char *line, *instead;
} audited[] = {
	{ AUDIT("users", "\"user_id\":\"5\",\"limit\":\"5\""),
	    AUDIT("users", "\"user_id\":\"forgotten-1\",\"limit\":\"5\"") },
	{ AUDIT("events.csv", "\"user_id\":[\"4\",\"\\u0035\",null]"),
	    AUDIT("events.csv", "\"user_id\":[\"4\",\"forgotten-1\",null]") },
	/* Pages behind 5; 5 and 1; 5, the first of the second; and no page. */
	{ AUDIT("users", "\"cursor\":\"35\""),
	    AUDIT("users", "\"cursor\":\"666f72676f7474656e2d31\"") },
	{ AUDIT("users", "\"cursor\":\"350031\""),
	    AUDIT("users", "\"cursor\":\"666f72676f7474656e2d310031\"") },
	{ AUDIT("alerts.ndjson", "\"cursor\":\"35003500\""),
	    AUDIT("alerts.ndjson",
		"\"cursor\":\"3500666f72676f7474656e2d3100\"") },
	{ AUDIT("receipts", "\"cursor\":\"3500350034\""), NULL },
	{ AUDIT("receipts", "\"cursor\":\"34003500350034\""),
	    AUDIT("receipts",
		"\"cursor\":\"34003500666f72676f7474656e2d310034\"") },
	{ AUDIT("chats", "\"cursor\":\"35\""), NULL },
	{ AUDIT("users", "\"cursor\":\"5\""), NULL },
	{ AUDIT("users", "\"cursor\":\"\""), NULL },
	{ AUDIT("users", "\"cursor\":\"3x35\""), NULL },
	{ AUDIT("users", ""), NULL },
};

static void
lines_of_an_audit_stay_by_an_alias(void **state)
{
	struct subject s;
	struct subject_lines l = { .subject = &s };
	struct buf instead = BUF_INIT;
	size_t i;

	(void)state;
	make_subject(&s, false);
	snprintf(s.alias, sizeof s.alias, "forgotten-1");
	for (i = 0; i < ARRAY_LEN(audited); i++) {
		buf_clear(&instead);
		assert_int_equal(
		    subject_lines_forget(&l, padded(audited[i].line),
			strlen(audited[i].line), &instead),
		    audited[i].instead != NULL);
		if (audited[i].instead == NULL) {
			assert_int_equal(instead.len, 0);
			continue;
		}
		assert_int_equal(instead.data[--instead.len], '\n');
		assert_int_equal(instead.len, strlen(audited[i].instead));
		assert_memory_equal(
		    instead.data, audited[i].instead, instead.len);
	}
	/* Any other line goes. */
	buf_clear(&instead);
	assert_true(subject_lines_forget(
	    &l, padded(lines[0].line), strlen(lines[0].line), &instead));
	assert_int_equal(instead.len, 0);
	buf_release(&instead);
	subject_lines_release(&l);
	subject_release(&s);
}

static void
lines_are_about_the_customer(void **state)
{
	struct subject s;
	struct subject_lines l = { .subject = &s };
	size_t i;
	int twin;

	(void)state;
	for (twin = 0; twin < 2; twin++) {
		make_subject(&s, twin == 1);
		for (i = 0; i < ARRAY_LEN(lines); i++)
			if (subject_lines_match(&l, padded(lines[i].line),
				strlen(lines[i].line)) !=
			    (twin ? lines[i].of_operator : lines[i].match))
				fail_msg(
				    "operator %d: %s", twin, lines[i].line);
		subject_release(&s);
	}
	/* Two of them are records of dead letters. */
	assert_int_equal(l.broken, 2 * 10);
	subject_lines_release(&l);
}

static void
lines_tell_of_chats_and_names(void **state)
{
	static const char *const told[] = {
		ROW("chat_metrics", "\"chat\":\"12\",\"customer\":\"5\","
				    "\"customer_name\":\"Ann B\","
				    "\"customer_phone\":\"+55 (11) 98-76\""),
		ROW("messages", "\"conversation_id\":\"13\",\"sender\":"
				"\"customer\",\"sender_id\":\"5\""),
		/* Of a chat of theirs, but not theirs. */
		ROW("chat_metrics", "\"chat\":\"10\",\"customer\":\"6\","
				    "\"customer_name\":\"Other\""),
		/* The same without a customer; and of somebody else's. */
		ROW("chat_metrics", "\"chat\":\"11\",\"customer\":null,"
				    "\"customer_name\":\"Cleo\""),
		ROW("chat_metrics", "\"chat\":\"14\",\"customer_name\":"
				    "\"Dan\""),
		/* Somebody of whom there is nothing else is known by it. */
		WEBHOOK("t", "{\\\"id\\\":5}"),
		WEBHOOK("t", "{\\\"id\\\":6}"),
	};
	struct subject s;
	struct subject_lines l = { .subject = &s };
	size_t i;

	(void)state;
	make_subject(&s, false);
	for (i = 0; i < ARRAY_LEN(told); i++)
		subject_lines_learn(&l, padded(told[i]), strlen(told[i]));
	assert_int_equal(s.chats.live, 4);
	assert_non_null(strmap_get(&s.chats, "12", 2));
	assert_non_null(strmap_get(&s.chats, "13", 2));
	assert_string_equal(buf_str(&s.names),
	    " Ann B +55 (11) 98-76 55119876 "
	    "5119876 05119876 055119876 Cleo");
	assert_non_null(strmap_get(&s.words, "55119876", 8));
	assert_int_equal(l.found, 4);
	subject_lines_release(&l);
	subject_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_about_the_customer),
		cmocka_unit_test(lines_of_an_audit_stay_by_an_alias),
		cmocka_unit_test(lines_tell_of_chats_and_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
