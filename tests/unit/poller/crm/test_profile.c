/*
 * Tests of Chat2Desk's profile on all kinds of answers in its contract.
 */
#include "tests/unit/chat2desk_world.h"

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
	    "list are unreadable; record 'chat' has no "
	    "'chat'\"chat\":\"9001\",\"status\":\"open\"\n" },
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
	{ "one that has an end", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"open\",\"end\":"
		    "\"2026-11-20T06:00:00 UTC\"}]"),
	    "" },
	{ "one in a state that is not known", PROFILE_CHATS, 200,
	    SUCCESS("[{\"id\":9001,\"state\":\"gone\",\"operator_id\":"
		    "501}]"),
	    "\"chat\":\"9001\",\"operator\":\"501\"\n"
	    "odd 1: chat 9001: record 'chat' has a bad 'status'\n" },
	{ "one chat in such a state", PROFILE_CHAT, 200,
	    SUCCESS("{\"id\":9001,\"state\":\"opened\"}"),
	    "fault 6: chat_read of profile 'chat2desk': record 'chat' has a "
	    "bad 'status'" },
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
	{ "an unknown route is not a chat that is gone", PROFILE_CHAT, 404,
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
	{ "assigned", PROFILE_ASSIGN, 200,
	    "{\"data\":{\"id\":1,\"operator_id\":5}}", "has it: 5\n" },
	{ "assigned to nobody", PROFILE_ASSIGN, 200,
	    "{\"data\":[{\"id\":1,\"operator_id\":null}]}", "" },
	{ "assigned to who knows whom", PROFILE_ASSIGN, 200,
	    "{\"data\":{\"id\":1}}",
	    "fault 6: assign_read of profile 'chat2desk': the answer does not "
	    "say who has the dialog" },
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

int
test_profile(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_understood),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
