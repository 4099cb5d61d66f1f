/*
 * Chat2Desk's profile on answers of the kinds its contract shows.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "poller/profile/profile.h"

static char bot[] = "777";
static char *bots[] = { bot, NULL };
static const struct profile_options options = { .tenant = "acme",
	.customers = true,
	.customer_phone = true,
	.bot_operators = bots };

static struct profile *
open_profile(const char *name)
{
	struct buf why = BUF_INIT;
	struct profile *p = profile_open(name, &options, &why);

	if (p == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return p;
}

static struct value *
json(const char *text)
{
	struct buf why = BUF_INIT;
	bool mended = false;
	struct value *v = value_parse(text, strlen(text), &mended, &why);

	if (v == NULL)
		fail_msg("%s", buf_str(&why));
	assert_false(mended);
	buf_release(&why);
	return v;
}

/* All bodies, one a line, or the fault. */
static void
read_text(struct profile *p, enum profile_call call, int status,
    const char *answer, const char *chat, const char *cursor, const char *known,
    struct buf *got)
{
	struct value *a = json(answer);
	struct value *c = chat != NULL ? json(chat) : NULL;
	struct value *k = cursor != NULL ? json(cursor) : NULL;
	struct profile_input in = { .status = status,
		.answer = a,
		.chat = c,
		.cursor = k,
		.known = known,
		.customer = "40001" };
	struct profile_answer out;
	size_t i;

	buf_clear(got);
	profile_read(p, call, &in, &out);
	if (out.error != ERROR_CLASS_NONE)
		buf_addf(
		    got, "fault %d: %s", (int)out.error, buf_str(&out.message));
	for (i = 0; i < out.n; i++)
		buf_addf(got, "%s%s%s\n", out.records[i].body,
		    *out.records[i].person != '\0' ? " + " : "",
		    out.records[i].person);
	if (out.error == ERROR_CLASS_NONE && out.odd > 0)
		buf_addf(
		    got, "odd %zu: %s\n", out.odd, buf_str(&out.first_odd));
	if (out.next != NULL) {
		buf_adds(got, "next ");
		value_dump(out.next, got);
	}
	profile_answer_release(&out);
	value_unref(a);
	value_unref(c);
	value_unref(k);
}

#define MESSAGE(rest)                                                          \
	"{\"data\":[{\"id\":1,\"dialog_id\":9,\"client_id\":4,"                \
	"\"created\":\"2026-11-20T05:57:30 UTC\"," rest                        \
	"}],\"meta\":{\"total\":1},\"status\":\"success\"}"
#define BODY(rest)                                                             \
	"\"id\":\"1\",\"chat\":\"9\",\"at\":\"2026-11-20T05:57:30."            \
	"000Z\"," rest "\n"

/* Types of messages, and who wrote them. */
static const struct {
	const char *name, *answer, *want;
} messages[] = {
	{ "the customer, under the operator's id",
	    MESSAGE("\"type\":\"from_client\",\"operator_id\":501"),
	    BODY("\"from\":\"customer\",\"user\":\"4\",\"kind\":\"text\"") },
	{ "an operator", MESSAGE("\"type\":\"to_client\",\"operator_id\":501"),
	    BODY("\"from\":\"operator\",\"user\":\"501\","
		 "\"operator\":\"501\",\"kind\":\"text\"") },
	{ "an operator who is a bot",
	    MESSAGE("\"type\":\"to_client\",\"operator_id\":777"),
	    BODY("\"from\":\"bot\",\"user\":\"777\",\"kind\":\"text\"") },
	{ "nobody", MESSAGE("\"type\":\"to_client\",\"operator_id\":null"),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "nobody, as a text",
	    MESSAGE("\"type\":\"to_client\",\"operator_id\":\"\""),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "nobody, as the text of a number",
	    MESSAGE("\"type\":\"to_client\",\"operator_id\":\"0\""),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "the dialog's id as text",
	    "{\"data\":[{\"id\":\"1\",\"dialog_id\":\"9\",\"created\":"
	    "\"2026-11-20T05:57:30 UTC\",\"type\":null}],"
	    "\"status\":\"success\"}",
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "an autoreply", MESSAGE("\"type\":\"autoreply\",\"text\":\"x\""),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "a survey has no type", MESSAGE("\"type\":null"),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "a type that is not known", MESSAGE("\"type\":\"carrier_pigeon\""),
	    BODY("\"from\":\"bot\",\"automated\":true,\"kind\":\"text\"") },
	{ "a note", MESSAGE("\"type\":\"comment\",\"operator_id\":501"),
	    BODY("\"from\":\"operator\",\"user\":\"501\","
		 "\"operator\":\"501\",\"private\":true,"
		 "\"kind\":\"text\"") },
	{ "a picture",
	    MESSAGE("\"type\":\"from_client\",\"photo\":\"/a.jpg\","
		    "\"channel_id\":12"),
	    BODY("\"from\":\"customer\",\"user\":\"4\",\"channel\":\"12\","
		 "\"kind\":\"image\"") },
	{ "a service line that says nothing",
	    MESSAGE("\"type\":\"system\",\"text\":\"Chat is open late\""),
	    BODY("\"from\":\"system\",\"kind\":\"other\"") },
	{ "a closing by its text",
	    MESSAGE("\"type\":\"system\",\"text\":\"Chat closed by Ann\""),
	    BODY("\"from\":\"system\",\"kind\":\"closed\"") },
	{ "a closing by its type",
	    MESSAGE("\"type\":\"system\",\"extra_data\":"
		    "{\"system_type\":\"close_dialog\"}"),
	    BODY("\"from\":\"system\",\"kind\":\"closed\"") },
	{ "a transfer",
	    MESSAGE("\"type\":\"system\",\"extra_data\":"
		    "{\"system_type\":\"transfer\",\"operator_id\":502}"),
	    BODY("\"from\":\"system\",\"operator\":\"502\","
		 "\"kind\":\"assigned\"") },
	{ "a transfer to nobody knows whom",
	    MESSAGE("\"type\":\"system\",\"extra_data\":"
		    "{\"system_type\":\"transfer\"}"),
	    BODY("\"from\":\"system\",\"kind\":\"other\"") },
	{ "another dialog: the filter was ignored",
	    "{\"data\":[{\"id\":1,\"dialog_id\":8,\"type\":null}],"
	    "\"status\":\"success\"}",
	    "fault 6: messages_read of profile 'chat2desk': /messages ignores "
	    "dialog_id: it shows other dialogs" },
	{ "no time",
	    "{\"data\":[{\"id\":1,\"dialog_id\":9,\"type\":null,"
	    "\"created\":null}],\"status\":\"success\"}",
	    "fault 6: messages_read of profile 'chat2desk': record 'message' "
	    "has no 'at'" },
	{ "a time that is none",
	    "{\"data\":[{\"id\":1,\"dialog_id\":9,\"type\":null,"
	    "\"created\":\"yesterday\"}],\"status\":\"success\"}",
	    "fault 6: messages_read of profile 'chat2desk': record 'message' "
	    "has a bad 'at'" },
	{ "an id that ends with a blank",
	    "{\"data\":[{\"id\":\"1 \",\"dialog_id\":9,\"type\":null,"
	    "\"created\":\"2026-11-20T05:57:30 UTC\"}],"
	    "\"status\":\"success\"}",
	    "fault 6: messages_read of profile 'chat2desk': record 'message' "
	    "has a bad 'id'" },
	{ "an id with a control character",
	    "{\"data\":[{\"id\":\"1\\t2\",\"dialog_id\":9,\"type\":null,"
	    "\"created\":\"2026-11-20T05:57:30 UTC\"}],"
	    "\"status\":\"success\"}",
	    "fault 6: messages_read of profile 'chat2desk': record 'message' "
	    "has a bad 'id'" },
	{ "an id above 2^53",
	    "{\"data\":[{\"id\":9007199254740993,\"dialog_id\":9,"
	    "\"created\":\"2026-11-20T05:57:30 UTC\",\"type\":null}],"
	    "\"status\":\"success\"}",
	    "\"id\":\"9007199254740993\",\"chat\":\"9\","
	    "\"at\":\"2026-11-20T05:57:30.000Z\",\"from\":\"bot\","
	    "\"automated\":true,\"kind\":\"text\"\n" },
	{ "an id beyond 64 bits",
	    "{\"data\":[{\"id\":123456789012345678901234567890,"
	    "\"dialog_id\":9,\"created\":\"2026-11-20T05:57:30 UTC\","
	    "\"type\":null}],\"status\":\"success\"}",
	    "\"id\":\"123456789012345678901234567890\",\"chat\":\"9\","
	    "\"at\":\"2026-11-20T05:57:30.000Z\",\"from\":\"bot\","
	    "\"automated\":true,\"kind\":\"text\"\n" },
	{ "a number beyond a double, which nobody reads",
	    "{\"data\":[{\"id\":1,\"dialog_id\":9,\"type\":null,"
	    "\"created\":\"2026-11-20T05:57:30 UTC\",\"odd\":1e400}],"
	    "\"status\":\"success\"}",
	    "\"id\":\"1\",\"chat\":\"9\","
	    "\"at\":\"2026-11-20T05:57:30.000Z\",\"from\":\"bot\","
	    "\"automated\":true,\"kind\":\"text\"\n" },
};

static void
messages_become_records(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(messages); i++) {
		read_text(p, PROFILE_MESSAGES, 200, messages[i].answer,
		    "{\"chat\":9}", NULL, NULL, &got);
		if (strcmp(buf_str(&got), messages[i].want) != 0)
			fail_msg("%s:\ngot  %swant %s", messages[i].name,
			    buf_str(&got), messages[i].want);
	}
	buf_release(&got);
	profile_close(p);
}

#define SUCCESS(data) "{\"data\":" data ",\"status\":\"success\"}"
#define ERROR(rest) "{\"status\":\"error\"," rest "}"

/* The other answers, and faults. */
static const struct {
	const char *name;
	enum profile_call call;
	int status;
	const char *answer, *want;
} answers[] = {
	{ "operators, but for those that are off", PROFILE_OPERATORS, 200,
	    SUCCESS("[{\"id\":501,\"role\":\"operator\",\"online\":1,"
		    "\"offline_type\":null,\"opened_dialogs\":1,"
		    "\"first_name\":\"Anna\",\"last_name\":\"Orlova\","
		    "\"status\":\"enabled\"},"
		    "{\"id\":502,\"role\":\"operator\",\"online\":1,"
		    "\"offline_type\":\"break\",\"opened_dialogs\":\"2\","
		    "\"first_name\":\"\",\"last_name\":null,"
		    "\"email\":\"b@example.test\"},"
		    "{\"id\":503,\"role\":\"deleted\",\"online\":1},"
		    "{\"id\":504,\"role\":\"operator\",\"status\":"
		    "\"disabled\"},"
		    "{\"id\":505,\"role\":\"unconfirmed\"},"
		    "{\"id\":506,\"online\":\"1\",\"offline_type\":\"\"}]"),
	    "\"operator\":\"501\",\"name\":\"Anna Orlova\","
	    "\"available\":true,\"reported_open_chats\":1\n"
	    "\"operator\":\"502\",\"name\":\"b@example.test\","
	    "\"available\":false,\"reported_open_chats\":2\n"
	    "\"operator\":\"506\",\"available\":true\n" },
	{ "a chat and its last message", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"open\",\"begin\":"
		    "\"2026-11-20T05:50:00 UTC\",\"end\":null,"
		    "\"operator_id\":501,\"last_request_id\":70001,"
		    "\"last_message\":{\"id\":3000000107,\"type\":"
		    "\"from_client\",\"created\":\"2026-11-20T05:57:30 UTC\","
		    "\"channel_id\":12,\"client_id\":40001,"
		    "\"request_id\":70001}}]"),
	    "\"chat\":\"9001\",\"operator\":\"501\",\"channel\":\"12\","
	    "\"status\":\"open\",\"customer\":\"40001\"\n"
	    "\"id\":\"3000000107\",\"chat\":\"9001\","
	    "\"at\":\"2026-11-20T05:57:30.000Z\",\"from\":\"customer\","
	    "\"user\":\"40001\",\"channel\":\"12\",\"kind\":\"text\"\n" },
	{ "a chat whose operator is 0, as text", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":\"9001\",\"state\":\"open\",\"operator_id\":"
		    "\"0\",\"last_message\":null}]"),
	    "\"chat\":\"9001\",\"status\":\"open\"\n" },
	{ "a chat without a message", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"open\",\"begin\":null,"
		    "\"operator_id\":null,\"last_message\":null}]"),
	    "\"chat\":\"9001\",\"status\":\"open\"\n" },
	{ "a chat of a list that is odd in all it can be", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":[],\"begin\":"
		    "\"0000-00-00T00:00:00 UTC\",\"end\":[],"
		    "\"operator_id\":{},\"last_request_id\":[],"
		    "\"last_message\":{\"id\":5,\"created\":\"x\"}},"
		    "{\"id\":9002,\"state\":\"open\",\"last_message\":[]},"
		    "{\"id\":9003,\"state\":\"open\",\"last_message\":"
		    "{\"id\":6,\"type\":null,\"channel_id\":[],\"created\":"
		    "\"2026-11-20T05:57:30 UTC\"}},7]"),
	    "\"chat\":\"9001\"\n"
	    "\"chat\":\"9002\",\"status\":\"open\"\n"
	    "\"chat\":\"9003\",\"status\":\"open\"\n"
	    "\"id\":\"6\",\"chat\":\"9003\","
	    "\"at\":\"2026-11-20T05:57:30.000Z\",\"from\":\"bot\","
	    "\"automated\":true,\"kind\":\"text\"\n"
	    "odd 6: chat 9001: record 'chat' has a bad 'closed_at'\n" },
	{ "chats of which most have no id", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"open\"},{},\"x\"]"),
	    "fault 6: chats_read of profile 'chat2desk': 2 of 3 rows of the "
	    "list cannot be read; record 'chat' has no 'chat'"
	    "\"chat\":\"9001\",\"status\":\"open\"\n" },
	{ "an operator who is odd", PROFILE_OPERATORS, 200,
	    SUCCESS("[{\"id\":501,\"opened_dialogs\":-1,\"email\":\"a\"},"
		    "null,{\"id\":502}]"),
	    "\"operator\":\"501\",\"name\":\"a\",\"available\":false\n"
	    "\"operator\":\"502\",\"available\":false\n"
	    "odd 2: operator 501: record 'operator' has a bad "
	    "'reported_open_chats'\n" },
	{ "one chat without a state", PROFILE_CHAT, 200,
	    SUCCESS("{\"id\":9001}"),
	    "fault 6: chat_read of profile 'chat2desk': the dialog has no "
	    "state" },
	{ "a closed one among the open", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"closed\"}]"), "" },
	{ "one chat that is closed", PROFILE_CHAT, 200,
	    SUCCESS("{\"id\":9001,\"state\":\"closed\",\"operator_id\":501,"
		    "\"end\":\"2026-11-20T06:00:00 UTC\"}"),
	    "\"chat\":\"9001\",\"operator\":\"501\","
	    "\"status\":\"closed\"\n" },
	{ "a customer", PROFILE_CUSTOMER, 200,
	    SUCCESS("{\"id\":40001,\"name\":\"Ivan\",\"assigned_name\":"
		    "\"Ivan P.\",\"phone\":\"[telegram] 40001\","
		    "\"tags\":[{\"id\":5,\"label\":\"VIP\"}]}"),
	    " + \"customer_name\":\"Ivan P.\",\"tag\":\"VIP\"\n" },
	{ "a customer with a phone number of their own", PROFILE_CUSTOMER, 200,
	    SUCCESS("{\"id\":40001,\"phone\":\"[chat] a72b222c\","
		    "\"client_phone\":\"+7900\",\"tags\":[]}"),
	    " + \"customer_phone\":\"+7900\"\n" },
	{ "a customer who is called by an id of the channel", PROFILE_CUSTOMER,
	    200,
	    SUCCESS("{\"id\":40001,\"name\":\"[chat] a72b222c\","
		    "\"assigned_name\":\"[chat] a72b222c\","
		    "\"phone\":\"[chat] a72b222c\",\"client_phone\":null,"
		    "\"tags\":[]}"),
	    "\n" },
	{ "a customer of whom nothing is known", PROFILE_CUSTOMER, 200,
	    SUCCESS("{\"id\":40001,\"name\":\"unknown\",\"tags\":[]}"), "\n" },
	{ "another customer", PROFILE_CUSTOMER, 200,
	    SUCCESS("{\"id\":40002,\"name\":\"Olga\"}"),
	    "fault 6: customer_read of profile 'chat2desk': the answer is "
	    "about "
	    "another client" },
	{ "the self-check's question", PROFILE_CHECK, 200,
	    SUCCESS("{\"company_name\":\"X\"}"), "" },
	{ "no token", PROFILE_CHATS, 401,
	    ERROR("\"message\":\"You have to specify your token. See API "
		  "manual\""),
	    "fault 4: You have to specify your token. See API manual" },
	{ "a wrong token under 200", PROFILE_CHATS, 200,
	    ERROR("\"message\":\"Token is not correct\""),
	    "fault 4: Token is not correct" },
	{ "too many calls", PROFILE_CHATS, 403,
	    ERROR("\"message\":\"Number of API requests exceeded\""),
	    "fault 2: Number of API requests exceeded" },
	{ "the month is used up", PROFILE_CHATS, 403,
	    ERROR("\"message\":\"API calls exceeded API limit per month\""),
	    "fault 3: API calls exceeded API limit per month" },
	{ "an unknown route is no chat that is gone", PROFILE_CHAT, 404,
	    ERROR("\"message\":\"Page not found\""),
	    "fault 6: Page not found" },
	{ "a chat that is gone", PROFILE_CHAT, 404,
	    ERROR("\"message\":\"not_found\",\"errors\":\"dialog not "
		  "found\""),
	    "fault 5: not_found dialog not found" },
	{ "a chat that is gone, under 200", PROFILE_CHAT, 200,
	    ERROR("\"message\":\"not_found\""), "fault 5: not_found" },
	{ "a chat that is gone, under 400", PROFILE_CHAT, 400,
	    ERROR("\"message\":\"Dialog not found\""),
	    "fault 5: Dialog not found" },
	{ "a proxy does not find its server", PROFILE_CHAT, 502,
	    ERROR("\"message\":\"upstream host not found\""),
	    "fault 1: upstream host not found" },
	{ "a server in trouble finds no dialog", PROFILE_CHAT, 500,
	    ERROR("\"message\":\"not_found\""), "fault 1: not_found" },
	{ "a request that took too long", PROFILE_CHAT, 408,
	    ERROR("\"message\":\"worker not found\""),
	    "fault 1: worker not found" },
	{ "a dialog that is named is not found", PROFILE_CHAT, 400,
	    ERROR("\"message\":\"Dialog with id 5 not found\""),
	    "fault 5: Dialog with id 5 not found" },
	{ "a parameter is not found", PROFILE_CHAT, 422,
	    ERROR("\"message\":\"dialog_id not found\""),
	    "fault 5: dialog_id not found" },
	{ "what a request needs is not found", PROFILE_CHAT, 400,
	    ERROR("\"message\":\"Request to upstream host not found\""),
	    "fault 6: Request to upstream host not found" },
	{ "something else is not found", PROFILE_CHAT, 400,
	    ERROR("\"message\":\"API version not found\""),
	    "fault 6: API version not found" },
	{ "an operator who is not there", PROFILE_ASSIGN, 404,
	    ERROR("\"message\":\"operator not found\""),
	    "fault 6: operator not found" },
	{ "errors as an object", PROFILE_CHATS, 400,
	    ERROR("\"message\":\"invalid\",\"errors\":"
		  "{\"limit\":[\"less\",\"more\"]}"),
	    "fault 6: invalid less more" },
	{ "a server in trouble", PROFILE_CHATS, 503, "null", "fault 1: " },
	{ "another shape", PROFILE_CHATS, 200, "[]",
	    "fault 6: chats_read of profile 'chat2desk': Cannot index array "
	    "with string \"data\"" },
};

static void
answers_are_understood(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		read_text(p, answers[i].call, answers[i].status,
		    answers[i].answer, NULL, NULL, NULL, &got);
		if (strcmp(buf_str(&got), answers[i].want) != 0)
			fail_msg("%s:\ngot  %s\nwant %s", answers[i].name,
			    buf_str(&got), answers[i].want);
	}
	buf_release(&got);
	profile_close(p);
}

/* A page of n messages of dialog 9 with ids going down from first, or up, and
 * the request they belong to; the last may be a survey of the one before. */
static char *
page(int n, int first, int step, int request, bool survey, int total)
{
	struct buf b = BUF_INIT;
	int i;

	buf_adds(&b, "{\"status\":\"success\",\"data\":[");
	for (i = 0; i < n; i++) {
		bool asks = survey && i == n - 1;

		buf_addf(&b,
		    "%s{\"id\":%d,\"dialog_id\":9,\"type\":%s,"
		    "\"created\":\"2026-11-20T05:57:30 UTC\","
		    "\"request_id\":%d}",
		    i > 0 ? "," : "", first + i * step,
		    asks ? "null" : "\"from_client\"", request - asks);
	}
	buf_adds(&b, "]");
	if (total > 0)
		buf_addf(&b, ",\"meta\":{\"total\":%d}", total);
	buf_adds(&b, "}");
	return buf_take(&b);
}

static const struct {
	const char *name;
	int n, first, step, request;
	const char *chat, *cursor, *known, *want; /* NULL: no next page */
	bool survey;
	int total; /* 0: not in the answer */
} pages[] = {
	{ "a short page is all there is", 199, 1199, -1, 7, "7", NULL, NULL,
	    NULL, false, 0 },
	{ "a full one of the episode: from the beginning", 200, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1000}", false, 0 },
	{ "... also where an earlier one's survey lies in it", 200, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1000}", true, 0 },
	{ "... from what is known", 200, 1199, -1, 7, "7", NULL, "900",
	    "{\"from\":\"900\",\"until\":1000}", false, 0 },
	{ "... unless that is reached", 200, 1199, -1, 7, "7", NULL, "1001",
	    NULL, false, 0 },
	{ "... whose number the list has as text", 200, 1199, -1, 7, "\"7\"",
	    NULL, NULL, "{\"from\":1,\"until\":1000}", false, 0 },
	{ "the episode began within it", 200, 1199, -1, 7, "8", NULL, NULL,
	    NULL, false, 0 },
	{ "going up", 200, 1, 1, 7, "7", "{\"from\":1,\"until\":1000}", NULL,
	    "{\"from\":200,\"until\":1000}", false, 0 },
	{ "until the newest page is met", 200, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 0 },
	{ "a short one of the CRM's making: there is more", 100, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1100}", false, 300 },
	{ "going up in such ones", 100, 1, 1, 7, "7",
	    "{\"from\":1,\"until\":1000}", NULL,
	    "{\"from\":100,\"until\":1000}", false, 300 },
	{ "whose total counts what was read, too", 1, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 300 },
	{ "or nothing is left", 5, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 0 },
};

static void
messages_are_read_back_to_what_is_known(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT;
	const char *next;
	char *answer, *chat;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pages); i++) {
		answer = page(pages[i].n, pages[i].first, pages[i].step,
		    pages[i].request, pages[i].survey, pages[i].total);
		chat = xasprintf("{\"chat\":9,\"episode\":%s}", pages[i].chat);
		read_text(p, PROFILE_MESSAGES, 200, answer, chat,
		    pages[i].cursor, pages[i].known, &got);
		next = strstr(buf_str(&got), "next ");
		next = next != NULL ? next + 5 : NULL;
		if ((next == NULL) != (pages[i].want == NULL) ||
		    (next != NULL && strcmp(next, pages[i].want) != 0))
			fail_msg("%s: got %s", pages[i].name,
			    next != NULL ? next : "none");
		free(answer);
		free(chat);
	}
	buf_release(&got);
	profile_close(p);
}

#define CURSOR(offset, total, moved, overlap)                                  \
	"{\"offset\":" offset ",\"total\":" total ",\"moved\":" moved          \
	",\"overlap\":" overlap "}"

/* Of the list: meta and rows, and where it goes on, NULL at its end. */
static const struct {
	const char *name;
	int rows;
	const char *meta, *cursor, *want;
} lists[] = {
	{ "a short page", 3, "{}", NULL, NULL },
	{ "a full page", 200, "{\"total\":250}", NULL,
	    CURSOR("200", "250", "0", "0") },
	{ "a full page and a total as text", 200, "{\"total\":\"250\"}", NULL,
	    CURSOR("200", "250", "0", "0") },
	{ "a full page that reaches the total", 200, "{\"total\":200}", NULL,
	    NULL },
	{ "a full page without a total", 200, "null", NULL,
	    CURSOR("200", "null", "0", "0") },
	{ "a page that is full by the CRM's own limit", 50,
	    "{\"total\":250,\"limit\":50}", NULL,
	    CURSOR("50", "250", "0", "0") },
	{ "... as text, without a total", 50, "{\"limit\":\"50\"}", NULL,
	    CURSOR("50", "null", "0", "0") },
	{ "a page of less than the CRM's own limit", 100,
	    "{\"total\":250,\"limit\":200}", NULL,
	    CURSOR("100", "250", "0", "0") },
	{ "a short page that reaches the total", 50, "{\"total\":250}",
	    CURSOR("200", "250", "0", "0"), NULL },
	{ "an empty page before the total", 0, "{\"total\":300}",
	    CURSOR("200", "300", "0", "0"), NULL },
	{ "rows moved up meanwhile", 49, "{\"total\":249}",
	    CURSOR("200", "251", "0", "0"), CURSOR("194", "249", "1", "4") },
	{ "no more than the page overlaps", 200, "{\"total\":545}",
	    CURSOR("194", "549", "1", "4"), CURSOR("390", "545", "1", "4") },
	{ "more than it overlaps", 200, "{\"total\":540}",
	    CURSOR("194", "549", "1", "4"), CURSOR("171", "540", "2", "18") },
	{ "as far as the beginning", 200, "{\"total\":240}",
	    CURSOR("200", "440", "0", "0"), CURSOR("0", "240", "1", "100") },
	{ "rows move all the time", 49, "{\"total\":249}",
	    CURSOR("200", "251", "10", "0"),
	    "fault 1: rows leave the list faster than it can be read" },
};

static void
lists_are_read_to_their_end(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT, answer = BUF_INIT;
	const char *next;
	size_t i;
	int row;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lists); i++) {
		buf_clear(&answer);
		buf_addf(&answer, "{\"meta\":%s,\"data\":[", lists[i].meta);
		for (row = 0; row < lists[i].rows; row++)
			buf_addf(&answer, "%s{\"id\":%d,\"state\":\"open\"}",
			    row > 0 ? "," : "", row + 1);
		buf_adds(&answer, "]}");
		read_text(p, PROFILE_CHATS, 200, buf_str(&answer), NULL,
		    lists[i].cursor, NULL, &got);
		next = strstr(buf_str(&got), "next ");
		next = next != NULL ? next + 5 : strstr(buf_str(&got), "fault");
		if ((next == NULL) != (lists[i].want == NULL) ||
		    (next != NULL && strcmp(next, lists[i].want) != 0))
			fail_msg("%s: got %s", lists[i].name,
			    next != NULL ? next : "none");
	}
	buf_release(&got);
	buf_release(&answer);
	profile_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_become_records),
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(messages_are_read_back_to_what_is_known),
		cmocka_unit_test(lists_are_read_to_their_end),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	crm_record_end();
	value_end();
	return failed;
}
