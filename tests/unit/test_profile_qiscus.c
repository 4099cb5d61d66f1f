/*
 * Qiscus's profile on answers and webhooks of the kinds that are known.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "poller/profile_hook.h"

static char bot[] = "777";
static char *bots[] = { bot, NULL };
static const struct profile_options options = { .tenant = "acme",
	.account = "app-1",
	.customers = true,
	.customer_phone = true,
	.bot_operators = bots };

#define CREW                                                                   \
	"[{\"operator\":501,\"name\":\"Ann\",\"sdk_email\":\"ann@sdk\"},"      \
	"{\"operator\":502,\"name\":\"Bo Lee\",\"sdk_email\":\"bo@sdk\"},"     \
	"{\"operator\":777,\"name\":\"Robo\",\"sdk_email\":\"robo@sdk\"},"     \
	"{\"operator\":503,\"name\":\"Bo Lee\",\"sdk_email\":\"bo2@sdk\"}]"

static struct value *
json(const char *text)
{
	struct buf why = BUF_INIT;
	bool mended = false;
	struct value *v = value_parse(text, strlen(text), &mended, &why);

	if (v == NULL)
		fail_msg("%s: %s", text, buf_str(&why));
	buf_release(&why);
	return v;
}

static struct profile *
open_profile(void)
{
	struct buf why = BUF_INIT;
	struct profile *p = profile_open("qiscus", &options, &why);
	struct value *crew = json(CREW);

	if (p == NULL)
		fail_msg("%s", buf_str(&why));
	profile_set_operators(p, crew);
	value_unref(crew);
	buf_release(&why);
	return p;
}

/* What a call is asked with. */
struct with {
	const char *chat, *cursor, *known, *operator_id, *replaces;
	int status; /* 0: 200 */
};

static void
dump_records(const struct crm_record *records, size_t n, struct buf *got)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(got, "%s%s%s\n", records[i].body,
		    *records[i].person != '\0' ? " + " : "", records[i].person);
}

/* All bodies, one a line, the next cursor; or the fault. */
static void
read_text(struct profile *p, enum profile_call call, const char *answer,
    const struct with *w, struct buf *got)
{
	struct value *a = json(answer);
	struct value *c = w->chat != NULL ? json(w->chat) : NULL;
	struct value *k = w->cursor != NULL ? json(w->cursor) : NULL;
	struct profile_input in = { .status = w->status ? w->status : 200,
		.answer = a,
		.chat = c,
		.cursor = k,
		.known = w->known,
		.operator_id = w->operator_id };
	struct profile_answer out;

	buf_clear(got);
	profile_read(p, call, &in, &out);
	if (out.fault != FAULT_NONE)
		buf_addf(
		    got, "fault %d: %s", (int)out.fault, buf_str(&out.message));
	dump_records(out.records, out.n, got);
	if (out.n > 0 && out.records[0].taken)
		buf_adds(got, "taken\n");
	if (out.operator_id != NULL)
		buf_addf(got, "has it: %s\n", out.operator_id);
	if (out.odd > 0)
		buf_addf(got, "odd: %s\n", buf_str(&out.first_odd));
	if (out.next != NULL) {
		buf_adds(got, "next ");
		value_dump(out.next, got);
	}
	profile_answer_release(&out);
	value_unref(a);
	value_unref(c);
	value_unref(k);
}

static void
same(const char *name, const struct buf *got, const char *want)
{
	if (strcmp(buf_str(got), want) != 0)
		fail_msg("%s: got\n%s\nwant\n%s", name, buf_str(got), want);
}

#define COMMENT(rest)                                                          \
	"{\"results\":{\"comments\":[{\"id\":9,\"timestamp\":"                 \
	"\"2026-11-20T05:57:30Z\"," rest "}]},\"status\":200}"
#define BODY(rest)                                                             \
	"\"id\":\"9\",\"chat\":\"77\",\"at\":\"2026-11-20T05:57:30.000Z\","    \
	"\"from\":" rest "\n"
#define CHANNEL "\"channel\":\"12\","

/* Who wrote what. */
static const struct {
	const char *name, *answer, *want;
} comments[] = {
	{ "the customer, by extras",
	    COMMENT("\"type\":\"text\",\"message\":\"hi\",\"user\":"
		    "{\"user_id\":\"other@x\",\"extras\":"
		    "{\"is_customer\":true}}"),
	    BODY("\"customer\",\"user\":\"other@x\"," CHANNEL
		 "\"kind\":\"text\"") },
	{ "the customer, by extras in a string",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"other@x\","
		    "\"extras\":\"{\\\"is_customer\\\":true}\"}"),
	    BODY("\"customer\",\"user\":\"other@x\"," CHANNEL
		 "\"kind\":\"text\"") },
	{ "the customer, by the room",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"c@x\","
		    "\"extras\":null}"),
	    BODY(
		"\"customer\",\"user\":\"c@x\"," CHANNEL "\"kind\":\"text\"") },
	{ "an agent, by the sdk_email",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"bo@sdk\"}"),
	    BODY("\"operator\",\"user\":\"502\",\"operator\":\"502\"," CHANNEL
		 "\"kind\":\"text\"") },
	{ "an agent who is not in the list",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"new@sdk\"}"),
	    BODY("\"operator\",\"user\":\"new@sdk\"," CHANNEL
		 "\"kind\":\"text\"") },
	{ "an agent who is a bot",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"robo@sdk\"}"),
	    BODY("\"bot\",\"user\":\"777\"," CHANNEL "\"kind\":\"text\"") },
	{ "a bot",
	    COMMENT("\"type\":\"text\",\"user\":{\"user_id\":\"b@sdk\","
		    "\"extras\":{\"type\":\"bot\"}}"),
	    BODY("\"bot\",\"user\":\"b@sdk\"," CHANNEL "\"kind\":\"text\"") },
	{ "nobody", COMMENT("\"type\":\"text\",\"user\":null"),
	    BODY("\"operator\"," CHANNEL "\"kind\":\"text\"") },
	{ "a picture",
	    COMMENT("\"type\":\"file_attachment\",\"payload\":{\"url\":"
		    "\"https://x/a.JPG\"},\"user\":{\"user_id\":\"c@x\"}"),
	    BODY("\"customer\",\"user\":\"c@x\"," CHANNEL
		 "\"kind\":\"image\"") },
	{ "a file whose payload is a string",
	    COMMENT("\"type\":\"file_attachment\",\"payload\":\"{\\\"url\\\":"
		    "\\\"https://x/a.mp4\\\"}\",\"user\":{\"user_id\":"
		    "\"c@x\"}"),
	    BODY("\"customer\",\"user\":\"c@x\"," CHANNEL
		 "\"kind\":\"video\"") },
	{ "a resolving",
	    COMMENT("\"type\":\"system_event\",\"message\":\"Admin marked this "
		    "conversation as resolved\",\"user\":{}"),
	    BODY("\"system\"," CHANNEL "\"kind\":\"closed\"") },
	{ "a joining",
	    COMMENT("\"type\":\"system_event\",\"message\":\"Ann joined this "
		    "conversation\""),
	    BODY("\"system\",\"operator\":\"501\"," CHANNEL
		 "\"kind\":\"assigned\"") },
	{ "a joining of one of two with that name",
	    COMMENT("\"type\":\"system_event\",\"message\":\"Bo Lee joined "
		    "this conversation\""),
	    BODY("\"system\"," CHANNEL "\"kind\":\"other\"") },
	{ "any other event",
	    COMMENT("\"type\":\"system_event\",\"message\":null"),
	    BODY("\"system\"," CHANNEL "\"kind\":\"other\"") },
};

static const struct with of_room = {
	.chat = "{\"chat\":\"77\",\"customer\":\"c@x\",\"channel\":12}"
};

static void
comments_become_messages(void **state)
{
	struct profile *p = open_profile();
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(comments); i++) {
		read_text(
		    p, PROFILE_MESSAGES, comments[i].answer, &of_room, &got);
		same(comments[i].name, &got, comments[i].want);
	}
	buf_release(&got);
	profile_close(p);
}

#define ROOM(id, resolved, waiting, rest)                                      \
	"{\"room_id\":\"" id "\",\"channel_id\":12,\"user_id\":\"c@x\","       \
	"\"name\":\"Cy\",\"source\":\"wa\",\"is_resolved\":" resolved          \
	",\"is_waiting\":" waiting ",\"last_comment_timestamp\":"              \
	"\"2026-11-20T05:57:30Z\"" rest "}"
#define ROOMS(rows, cursor)                                                    \
	"{\"data\":{\"customer_rooms\":[" rows                                 \
	"]},\"meta\":{\"current_total\":1,\"cursor_after\":" cursor            \
	"},\"status\":200}"
#define CHAT(id, rest)                                                         \
	"\"chat\":\"" id "\",\"channel\":\"12\"," rest                         \
	"\"customer\":\"c@x\" + \"customer_name\":\"Cy\","                     \
	"\"customer_phone\":\"c@x\"\n"
#define OPEN "\"status\":\"open\","

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
	{ "agents, more to come", PROFILE_OPERATORS, { .cursor = "2" },
	    "{\"data\":{\"agents\":[{\"id\":501}]},\"meta\":{\"per_page\":1,"
	    "\"total_count\":3},\"status\":200}",
	    "\"operator\":\"501\",\"available\":false\nnext 3" },
	{ "a page of agents that is empty", PROFILE_OPERATORS,
	    { .cursor = "2" },
	    "{\"data\":{\"agents\":[]},\"meta\":{\"per_page\":1,"
	    "\"total_count\":9},\"status\":200}",
	    "" },
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
	{ "assigned", PROFILE_ASSIGN, { .operator_id = "502" },
	    "{\"data\":{\"added_agent\":{\"id\":502,\"name\":\"Bo\"},"
	    "\"service\":{\"room_id\":\"5\"}}}",
	    "has it: 502\n" },
	{ "assigned to nobody", PROFILE_ASSIGN, { .operator_id = "502" },
	    "{\"data\":{\"added_agent\":null,\"service\":null}}", "" },
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

/* A page of comments with ids from first downwards. */
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

static const struct {
	const char *name;
	enum profile_call call;
	struct with with;
	const char *want; /* METHOD HOST TARGET BODY */
} requests[] = {
	{ "agents", PROFILE_OPERATORS, { .cursor = "3" },
	    "GET - /api/v2/admin/agents?limit=100&page=3" },
	{ "rooms that wait", PROFILE_CHATS, { .cursor = NULL },
	    "POST - /api/v2/customer_rooms {\"status\":\"unresolved\","
	    "\"limit\":50,\"serve_status\":\"unserved\"}" },
	{ "rooms of somebody", PROFILE_CHATS,
	    { .operator_id = "501", .cursor = "\"a\"" },
	    "POST - /api/v2/customer_rooms {\"status\":\"unresolved\","
	    "\"limit\":50,\"serve_status\":\"served\",\"user_ids\":[501],"
	    "\"cursor_after\":\"a\"}" },
	{ "one room", PROFILE_CHAT, { .chat = "{\"chat\":\"a/../b\"}" },
	    "GET - /api/v2/customer_rooms/a%2F..%2Fb" },
	{ "comments", PROFILE_MESSAGES, { .chat = "{\"chat\":\"7&8\"}" },
	    "GET messages /api/v2.1/rest/load_comments?limit=100&page=1&"
	    "room_id=7%268" },
	{ "assigning", PROFILE_ASSIGN,
	    { .chat = "{\"chat\":\"77\"}", .operator_id = "501" },
	    "POST - /api/v1/admin/service/assign_agent agent_id=501&"
	    "max_agent=1&replace_latest_agent=false&room_id=77" },
	{ "assigning what somebody has", PROFILE_ASSIGN,
	    { .chat = "{\"chat\":\"77\"}",
		.operator_id = "501",
		.replaces = "502" },
	    "POST - /api/v1/admin/service/assign_agent agent_id=501&"
	    "max_agent=1&replace_latest_agent=true&room_id=77" },
};

static void
requests_are_as_qiscus_wants_them(void **state)
{
	struct profile *p = open_profile();
	struct buf got = BUF_INIT, why = BUF_INIT;
	struct profile_request r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(requests); i++) {
		const struct with *w = &requests[i].with;
		struct value *c = w->chat != NULL ? json(w->chat) : NULL;
		struct value *k = w->cursor != NULL ? json(w->cursor) : NULL;
		struct profile_input in = { .chat = c,
			.cursor = k,
			.operator_id = w->operator_id,
			.replaces = w->replaces };

		assert_int_equal(
		    profile_request(p, requests[i].call, &in, &r, &why), 1);
		buf_clear(&got);
		buf_addf(&got, "%s %s %s%s%s", r.method,
		    r.host != NULL ? r.host : "-", r.target,
		    r.body != NULL ? " " : "", r.body != NULL ? r.body : "");
		same(requests[i].name, &got, requests[i].want);
		profile_request_release(&r);
		value_unref(c);
		value_unref(k);
	}
	buf_release(&got);
	buf_release(&why);
	profile_close(p);
}

static const struct {
	const char *name, *payload, *want;
} pushed[] = {
	{ "a customer waits",
	    "{\"app_id\":\"app-1\",\"source\":\"wa\",\"name\":\"Cy\","
	    "\"email\":\"c@x\",\"avatar_url\":null,\"extras\":null,"
	    "\"is_new_session\":true,\"is_resolved\":false,\"room_id\":\"77\","
	    "\"channel\":{\"id\":12},\"candidate_agent\":null,"
	    "\"latest_service\":null}",
	    CHAT("77", OPEN) },
	{ "the same as older ones have it",
	    "{\"app_id\":\"app-1\",\"source\":\"qiscus\",\"name\":\"\","
	    "\"email\":\"c@x\",\"room_id\":77,\"latest_service\":{\"id\":1}}",
	    "\"chat\":\"77\",\"status\":\"open\",\"customer\":\"c@x\"\n" },
	{ "a customer waits nowhere", "{\"room_id\":null}",
	    "room_id is missing" },
	{ "resolved",
	    "{\"customer\":{\"user_id\":\"c@x\",\"name\":\"Cy\"},"
	    "\"resolved_by\":{\"id\":501,\"type\":\"agent\"},\"service\":{"
	    "\"id\":5,\"room_id\":\"77\",\"is_resolved\":true,"
	    "\"last_comment_id\":9,\"source\":\"wa\"}}",
	    "\"chat\":\"77\",\"status\":\"closed\",\"customer\":\"c@x\" + "
	    "\"customer_name\":\"Cy\"\n" },
	{ "resolved, all null",
	    "{\"customer\":null,\"resolved_by\":null,\"service\":{\"room_id\":"
	    "77}}",
	    "\"chat\":\"77\",\"status\":\"closed\"\n" },
	{ "resolved nowhere", "{\"service\":{\"room_id\":\"\"}}",
	    "service.room_id is missing" },
	{ "a new session",
	    "{\"is_new_session\":true,\"payload\":{\"from\":{\"email\":"
	    "\"c@x\"},\"message\":{\"id\":9,\"text\":\"hi\",\"type\":\"text\","
	    "\"timestamp\":\"2026-11-20T05:57:30Z\"},\"room\":{\"id\":0,"
	    "\"id_str\":\"77\"}},\"room_log\":{\"channel_id\":12,\"room_id\":"
	    "\"77\",\"user_id\":\"c@x\",\"name\":\"Cy\",\"source\":\"wa\","
	    "\"is_waiting\":true},\"webhook_type\":\"NEW_SESSION_WEBHOOK\"}",
	    CHAT("77", OPEN) "\"id\":\"9\",\"chat\":\"77\",\"at\":"
			     "\"2026-11-20T05:57:30.000Z\",\"from\":"
			     "\"customer\",\"user\":\"c@x\",\"kind\":\"text\""
			     "\n" },
	{ "a new session of a room that has an agent, without an id",
	    "{\"payload\":{\"message\":{\"id\":0,\"id_str\":\"0\"},\"room\":"
	    "{\"id\":0}},\"room_log\":{\"room_id\":\"77\",\"is_waiting\":"
	    "false}}",
	    "" },
	{ "what is not known", "{\"webhook_type\":\"X\"}", "unknown: X" },
	{ "what has no name", "{}", "unknown: no name" },
	{ "no object", "[1]", "the payload is no object" },
};

static void
webhooks_become_records(void **state)
{
	struct profile *p = open_profile();
	struct profile_hooks hooks;
	struct buf got = BUF_INIT, why = BUF_INIT;
	struct profile_hook_answer out;
	size_t i;

	(void)state;
	assert_int_equal(profile_hooks_read(p, &hooks, &why), 0);
	assert_null(hooks.parts);
	for (i = 0; i < ARRAY_LEN(pushed); i++) {
		struct value *v = json(pushed[i].payload);
		const struct profile_hook_input in = {
			.now_ms = INT64_C(1795168800123), .payload = v
		};

		buf_clear(&got);
		if (profile_hook_read(p, &hooks, &in, &out, &why) != 0)
			buf_adds(&got, buf_str(&why));
		else if (out.unknown != NULL)
			buf_addf(&got, "unknown: %s", out.unknown);
		else
			dump_records(out.records, out.n, &got);
		same(pushed[i].name, &got, pushed[i].want);
		profile_hook_release(&out);
		value_unref(v);
	}
	profile_hooks_release(&hooks);
	buf_release(&got);
	buf_release(&why);
	profile_close(p);
}

/* Of a payload that tells of one chat. */
static void
push(struct profile *p, const struct profile_hooks *h, const char *payload,
    struct buf *got)
{
	struct value *v = json(payload);
	const struct profile_hook_input in = { .payload = v };
	struct profile_hook_answer out;
	struct buf why = BUF_INIT;

	if (profile_hook_read(p, h, &in, &out, &why) != 0)
		fail_msg("%s", buf_str(&why));
	buf_clear(got);
	dump_records(out.records, out.n, got);
	profile_hook_release(&out);
	value_unref(v);
	buf_release(&why);
}

static void
rooms_need_what_the_configuration_says(void **state)
{
	static char channel[] = "channel", division[] = "division-7";
	static char *need[] = { channel, division, NULL };
	static const struct profile_options wants = {
		.tenant = "acme", .account = "app-1", .need = need
	};
	static const struct with nobody = { .operator_id = NULL };
	struct buf why = BUF_INIT, got = BUF_INIT;
	struct profile *p = profile_open("qiscus", &wants, &why);
	struct profile_hooks hooks;

	(void)state;
	assert_non_null(p);
	assert_int_equal(profile_hooks_read(p, &hooks, &why), 0);
	read_text(p, PROFILE_CHATS,
	    "{\"data\":{\"customer_rooms\":[{\"room_id\":\"77\","
	    "\"channel_id\":12,\"is_resolved\":false,"
	    "\"is_waiting\":true}]}}",
	    &nobody, &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-12,division-7\""));
	read_text(p, PROFILE_CHAT,
	    "{\"data\":{\"customer_room\":{\"room_id\":\"77\","
	    "\"channel_id\":13,\"is_resolved\":false,"
	    "\"is_waiting\":true}}}",
	    &nobody, &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-13,division-7\""));
	push(p, &hooks, "{\"room_id\":\"77\",\"channel\":{\"id\":12}}", &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-12,division-7\""));
	push(p, &hooks, "{\"room_id\":\"77\"}", &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-?,division-7\""));
	push(p, &hooks,
	    "{\"room_log\":{\"room_id\":\"77\",\"channel_id\":12,"
	    "\"is_waiting\":true}}",
	    &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-12,division-7\""));
	profile_hooks_release(&hooks);
	buf_release(&why);
	buf_release(&got);
	profile_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_become_messages),
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(comments_are_read_back_to_what_is_known),
		cmocka_unit_test(requests_are_as_qiscus_wants_them),
		cmocka_unit_test(webhooks_become_records),
		cmocka_unit_test(rooms_need_what_the_configuration_says),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	crm_record_end();
	value_end();
	return failed;
}
