/*
 * Tests of Qiscus's profile on all known kinds of answers.
 */
#include "tests/unit/qiscus_world.h"

static const struct with of_room = {
	.chat = "{\"chat\":\"77\",\"customer\":\"c@x\",\"channel\":12}"
};

#define ROOM(id, resolved, waiting, rest)                                      \
	"{\"room_id\":\"" id "\",\"channel_id\":12,\"user_id\":\"c@x\","       \
	"\"name\":\"Cy\",\"source\":\"wa\",\"is_resolved\":" resolved          \
	",\"is_waiting\":" waiting ",\"last_comment_timestamp\":"              \
	"\"2026-11-20T05:57:30Z\"" rest "}"
#define AGENT(id) "{\"id\":" id "}"
#define IS(id) "\"operator\":\"" id "\",\"available\":false\n"
#define AGENTS(rows, total)                                                    \
	"{\"data\":{\"agents\":[" rows                                         \
	"]},\"meta\":{\"per_page\":2,\"total_count\":" total                   \
	"},\"status\":200}"
#define CURSOR(page, total, before, ids, moved, had)                           \
	"{\"page\":" page ",\"total\":" total ",\"before\":" before            \
	",\"ids\":[" ids "],\"moved\":" moved ",\"had\":[" had                 \
	"],\"restarted\":false}"
#define ROOMS(rows, cursor)                                                    \
	"{\"data\":{\"customer_rooms\":[" rows                                 \
	"]},\"meta\":{\"current_total\":1,\"cursor_after\":" cursor            \
	"},\"status\":200}"

static const struct {
	const char *name;
	enum profile_call call;
	struct with with;
	const char *answer, *want;
} answers[] = {
	{ "agents", PROFILE_OPERATORS, { .cursor = NULL },
	    "{\"data\":{\"agents\":[{\"id\":501,\"name\":\"Ann\",\"type\":2,"
	    "\"is_available\":true,\"force_offline\":false,"
	    "\"current_customer_count\":3,\"user_channels\":[{\"id\":12}],"
	    "\"user_roles\":[{\"id\":1,\"name\":\"sales\"}]},"
	    "{\"id\":502,\"name\":\"\",\"email\":\"b@x\",\"type_as_string\":"
	    "\"agent\",\"is_available\":true,\"force_offline\":true},"
	    "{\"id\":1,\"name\":\"Adm\",\"type\":1,\"is_available\":true}]},"
	    "\"meta\":{\"per_page\":3,\"total_count\":3},\"status\":200}",
	    "\"operator\":\"501\",\"name\":\"Ann\",\"available\":true,"
	    "\"reported_open_chats\":3,\"tags\":\"channel-12,division-1,"
	    "sales\"\n"
	    "\"operator\":\"502\",\"name\":\"b@x\",\"available\":false\n"
	    "\"operator\":\"1\",\"name\":\"Adm\",\"available\":false\n" },
	{ "agents, more to come", PROFILE_OPERATORS, { .cursor = NULL },
	    AGENTS(AGENT("501") "," AGENT("502"), "3"),
	    IS("501")
		IS("502") "next " CURSOR("2", "3", "2", "501,502", "0", "") },
	{ "the last of them", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "3", "2", "501,502", "0", "") },
	    AGENTS(AGENT("503"), "3"), IS("503") },
	{ "one was deleted meanwhile", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "3", "2", "501,502", "0", "") },
	    AGENTS("", "2"),
	    "next " CURSOR("1", "2", "0", "", "1", "501,502") },
	{ "who moved to the page before", PROFILE_OPERATORS,
	    { .cursor = CURSOR("1", "2", "0", "", "1", "501,502") },
	    AGENTS(AGENT("502") "," AGENT("503"), "2"), IS("503") },
	{ "one was deleted, and more are to come", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "6", "2", "501,502", "0", "") },
	    AGENTS(AGENT("504") "," AGENT("505"), "5"),
	    "next " CURSOR("1", "5", "0", "", "1", "501,502") },
	{ "and so they do after that", PROFILE_OPERATORS,
	    { .cursor = CURSOR("1", "5", "0", "", "1", "501,502") },
	    AGENTS(AGENT("501") "," AGENT("503"), "5"),
	    IS("503") "next " CURSOR("2", "5", "2", "501,503", "1", "") },
	{ "another one was deleted before that", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "5", "2", "", "1", "503,504") },
	    AGENTS(AGENT("504") "," AGENT("505"), "4"),
	    "next {\"page\":1,\"total\":4,\"before\":0,\"ids\":[],"
	    "\"moved\":2,\"had\":[],\"restarted\":true}" },
	{ "they are deleted all the time", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "6", "2", "501,502", "3", "") },
	    AGENTS(AGENT("504"), "4"),
	    "fault 1: agents leave the list faster than it can be read" },
	{ "fewer on a page than it says", PROFILE_OPERATORS, { .cursor = NULL },
	    "{\"data\":{\"agents\":[" AGENT(
		"501") "]},\"meta\":{\"per_page\":100,\"total_count\":\"2\"}}",
	    IS("501") "next " CURSOR("2", "2", "1", "501", "0", "") },
	{ "as many as it says, as text", PROFILE_OPERATORS, { .cursor = NULL },
	    "{\"data\":{\"agents\":[" AGENT(
		"501") "]},\"meta\":{\"per_page\":\"1\"}}",
	    IS("501") "next " CURSOR("2", "null", "1", "501", "0", "") },
	{ "a page of agents that is empty", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "9", "2", "501,502", "0", "") },
	    AGENTS("", "9"),
	    "fault 7: the list ends 7 rows before its total of 9" },
	{ "... and no count", PROFILE_OPERATORS,
	    { .cursor = CURSOR("2", "null", "2", "501,502", "0", "") },
	    AGENTS("", "null"), "" },
	{ "agents without a count", PROFILE_OPERATORS, { .cursor = NULL },
	    "{\"data\":{\"agents\":[{\"id\":501}]},\"status\":200}",
	    "\"operator\":\"501\",\"available\":false\n" },
	{ "rooms that wait", PROFILE_CHATS, { .cursor = NULL },
	    ROOMS(ROOM("1", "false", "true", "") "," ROOM("2", "true", "true",
		      "") "," ROOM("3", "false", "false", "") "," ROOM("4",
		      "false", "false", ",\"is_handled_by_bot\":true"),
		"\"abc\""),
	    CHAT("1", OPEN) CHAT("4", "\"status\":\"pending\",") "next "
								 "\"abc\"" },
	{ "rooms of somebody", PROFILE_CHATS,
	    { .operator_id = "501", .cursor = "\"abc\"" },
	    ROOMS(ROOM("1", "false", "true", "") "," ROOM(
		      "2", "true", "false", "") "," ROOM("3", "false", "false",
		      ",\"is_handled_by_bot\":true"),
		"null"),
	    "\"chat\":\"3\",\"operator\":\"501\",\"channel\":\"12\"," OPEN
	    "\"customer\":\"c@x\" + \"customer_name\":\"Cy\","
	    "\"customer_phone\":\"c@x\"\n" },
	{ "the last page has an empty cursor", PROFILE_CHATS,
	    { .cursor = NULL }, ROOMS(ROOM("1", "false", "true", ""), "\"\""),
	    CHAT("1", OPEN) },
	{ "an empty page that leads on", PROFILE_CHATS, { .operator_id = "5" },
	    ROOMS("", "\"abc\""), "next \"abc\"" },
	{ "... to itself", PROFILE_CHATS, { .cursor = "\"abc\"" },
	    ROOMS("", "\"abc\""), "" },
	{ "an odd room", PROFILE_CHATS, { .cursor = NULL },
	    ROOMS(ROOM("1", "false", "true", "") "," ROOM(
		      "2", "false", "true", "") ",7",
		"null"),
	    CHAT("1", OPEN) CHAT("2", OPEN) "odd: record 'chat' has no "
					    "'chat'\n" },
	{ "one room, held", PROFILE_CHAT, { .cursor = NULL },
	    "{\"data\":{\"customer_room\":" ROOM(
		"5", "false", "false", "") "},\"status\":200}",
	    CHAT("5", OPEN) "taken\n" },
	{ "one room, free", PROFILE_CHAT, { .cursor = NULL },
	    "{\"data\":{\"customer_room\":" ROOM(
		"5", "false", "true", "") "},\"status\":200}",
	    CHAT("5", OPEN) },
	{ "one room, resolved", PROFILE_CHAT, { .cursor = NULL },
	    "{\"data\":{\"customer_room\":" ROOM(
		"5", "true", "false", "") "},\"status\":200}",
	    CHAT("5", "\"status\":\"closed\",") },
	{ "no room", PROFILE_CHAT, { .status = 404 },
	    "{\"errors\":\"Room not found\"}", "fault 5: Room not found" },
	{ "no room, in another word", PROFILE_MESSAGES, { .status = 400 },
	    "{\"error\":{\"message\":\"room can't be found\"}}",
	    "fault 6: room can't be found" },
	{ "no comments of a room that is gone", PROFILE_MESSAGES,
	    { .status = 400 }, "{\"error\":{\"message\":\"Room not found\"}}",
	    "fault 5: Room not found" },
	{ "a server in trouble finds no room", PROFILE_CHAT, { .status = 500 },
	    "{\"errors\":\"room service not found\"}",
	    "fault 1: room service not found" },
	{ "assigned", PROFILE_ASSIGN, { .operator_id = "502" },
	    "{\"data\":{\"added_agent\":{\"id\":502,\"name\":\"Bo\"},"
	    "\"service\":{\"room_id\":\"5\"}}}",
	    "has it: 502\n" },
	{ "assigned to nobody", PROFILE_ASSIGN, { .operator_id = "502" },
	    "{\"data\":{\"added_agent\":null,\"service\":null}}", "" },
	{ "assigned to who knows whom", PROFILE_ASSIGN, { .operator_id = "5" },
	    "{\"data\":{\"service\":{\"room_id\":\"5\"}}}",
	    "fault 6: assign_read of profile 'qiscus': the answer does not say "
	    "who has the room" },
	{ "... to one without an id", PROFILE_ASSIGN, { .operator_id = "5" },
	    "{\"data\":{\"added_agent\":{\"name\":\"Bo\"}}}",
	    "fault 6: assign_read of profile 'qiscus': the answer has no id of "
	    "the agent" },
	{ "an agent that is not there", PROFILE_ASSIGN, { .status = 404 },
	    "{\"errors\":\"agent not found\"}", "fault 6: agent not found" },
	{ "not assigned, somebody was faster", PROFILE_ASSIGN,
	    { .status = 400 }, "{\"errors\":\"maximum agents\"}",
	    "fault 6: maximum agents" },
	{ "a wrong secret", PROFILE_CHECK, { .status = 401 },
	    "{\"errors\":\"Unauthorized\"}", "fault 4: Unauthorized" },
	{ "a wrong secret, with 200", PROFILE_CHECK, { .status = 200 },
	    "{\"errors\":\"Unauthorized\",\"status\":403}",
	    "fault 4: Unauthorized" },
	{ "too many calls", PROFILE_CHECK, { .status = 429 }, "{}",
	    "fault 2: " },
	{ "a server in trouble", PROFILE_CHECK, { .status = 502 }, "null",
	    "fault 1: " },
};

static void
answers_are_understood(void **state)
{
	struct profile *p = open_profile();
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		read_text(p, answers[i].call, answers[i].answer,
		    &answers[i].with, &got);
		same(answers[i].name, &got, answers[i].want);
	}
	buf_release(&got);
	profile_close(p);
}

/* A page of comments with ids that descend from first. */
static void
page_of(struct buf *b, int first, int n, int closing)
{
	int i;

	buf_clear(b);
	buf_adds(b, "{\"results\":{\"comments\":[");
	for (i = 0; i < n; i++)
		buf_addf(b,
		    "%s{\"id\":%d,\"timestamp\":\"2026-11-20T05:57:30Z\","
		    "\"type\":\"%s\",\"message\":\"%s\",\"user\":{}}",
		    i > 0 ? "," : "", first - i,
		    first - i == closing ? "system_event" : "text",
		    first - i == closing ? "was marked as resolved" : "x");
	buf_adds(b, "]},\"status\":200}");
}

static const struct {
	const char *name, *known, *cursor;
	int first, n, closing;
	const char *want; /* the cursor; NULL: done */
} pages[] = {
	{ "a full page", NULL, NULL, 1000, 100, 0,
	    "{\"page\":2,\"low\":901,\"stuck\":0}" },
	{ "the second", NULL, "{\"page\":2,\"low\":901,\"stuck\":0}", 900, 100,
	    0, "{\"page\":3,\"low\":801,\"stuck\":0}" },
	{ "a short page", NULL, NULL, 1000, 19, 0, NULL },
	{ "a server with pages of its own", NULL, NULL, 1000, 20, 0,
	    "{\"page\":2,\"low\":981,\"stuck\":0}" },
	{ "an empty page", NULL, "{\"page\":2,\"low\":901,\"stuck\":0}", 0, 0,
	    0, NULL },
	{ "up to what is known", "950", NULL, 1000, 100, 0, NULL },
	{ "what is known was removed", "1000", NULL, 1001, 100, 0, NULL },
	{ "not yet up to what is known", "900", NULL, 1000, 100, 0,
	    "{\"page\":2,\"low\":901,\"stuck\":0}" },
	{ "up to the session before", NULL, NULL, 1000, 100, 950, NULL },
	{ "nothing new: pushed on by what was written", NULL,
	    "{\"page\":2,\"low\":901,\"stuck\":0}", 1000, 100, 0,
	    "{\"page\":3,\"low\":901,\"stuck\":1}" },
	{ "always the same page", NULL, "{\"page\":5,\"low\":901,\"stuck\":3}",
	    1000, 100, 0, "fault" },
};

static void
comments_are_read_back_to_what_is_known(void **state)
{
	struct profile *p = open_profile();
	struct buf got = BUF_INIT, answer = BUF_INIT;
	struct with w;
	const char *next;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pages); i++) {
		page_of(&answer, pages[i].first, pages[i].n, pages[i].closing);
		w = of_room;
		w.known = pages[i].known;
		w.cursor = pages[i].cursor;
		read_text(p, PROFILE_MESSAGES, buf_str(&answer), &w, &got);
		next = strstr(buf_str(&got), "next ");
		next = next != NULL ? next + 5 : NULL;
		if (strncmp(buf_str(&got), "fault", 5) == 0)
			next = "fault";
		if ((next == NULL) != (pages[i].want == NULL) ||
		    (next != NULL && strcmp(next, pages[i].want) != 0))
			fail_msg("%s: got %s", pages[i].name,
			    next != NULL ? next : "none");
	}
	buf_release(&got);
	buf_release(&answer);
	profile_close(p);
}

int
test_profile_qiscus(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(comments_are_read_back_to_what_is_known),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
