/*
 * Test of holders.h, in whole polls of a Qiscus that is the test: of several
 * agents in one room, it is always the same one who counts.
 */
#include "tests/unit/pull_world.h"

#define ROOM(at)                                                               \
	"{\"room_id\":\"7\",\"user_id\":\"c@x\",\"channel_id\":1,"             \
	"\"is_resolved\":false,\"is_waiting\":false,"                          \
	"\"last_comment_timestamp\":\"2026-11-20T05:" at "Z\"}"
#define ROOMS(rooms) "{\"data\":{\"customer_rooms\":[" rooms "]},\"meta\":{}}"
#define AGENT(id, name)                                                        \
	"{\"id\":" id ",\"name\":\"" name "\",\"type\":2,"                     \
	"\"sdk_email\":\"" name "@sdk\"}"
#define AGENTS(a, b)                                                           \
	"{\"data\":{\"agents\":[" a "," b "]},\"meta\":{\"total_count\":2}}"
#define COMMENT(id, at, rest)                                                  \
	"{\"id\":" id ",\"timestamp\":\"2026-11-20T05:" at "Z\"," rest "}"
#define COMMENTS(list) "{\"results\":{\"comments\":[" list "]}}"
#define ASKED COMMENT("1", "01:00", "\"user\":{\"user_id\":\"c@x\"}")
#define JOINED                                                                 \
	COMMENT("2", "02:00",                                                  \
	    "\"type\":\"system_event\",\"message\":\"Ann joined this "         \
	    "conversation\"")
#define ANSWERED COMMENT("3", "03:00", "\"user\":{\"user_id\":\"Bob@sdk\"}")
#define ANN AGENT("103", "Ann")
#define BOB AGENT("99", "Bob")

/* Whose list has the room, in whichever order the lists are asked for. */
static const struct poll {
	const char *agents, *of_ann, *of_bob, *comments, *want;
} polls[] = {
	/* Nobody joined as far as is known: the least id. */
	{ AGENTS(ANN, BOB), ROOM("01:00"), ROOM("01:00"), ASKED, "99" },
	{ AGENTS(BOB, ANN), ROOM("01:00"), ROOM("01:00"), ASKED, "99" },
	/* Who had it last has it still, whoever writes. */
	{ AGENTS(BOB, ANN), ROOM("02:00"), ROOM("02:00"), JOINED "," ASKED,
	    "99" },
	{ AGENTS(BOB, ANN), ROOM("02:00"), "", JOINED "," ASKED, "103" },
	{ AGENTS(ANN, BOB), ROOM("03:00"), ROOM("03:00"),
	    ANSWERED "," JOINED "," ASKED, "103" },
	{ AGENTS(ANN, BOB), "", "", "", NULL },
	/* It left, and comes anew: who wrote or joined last. */
	{ AGENTS(BOB, ANN), ROOM("03:00"), ROOM("03:00"),
	    ANSWERED "," JOINED "," ASKED, "99" },
	{ AGENTS(ANN, BOB), "", "", "", NULL },
	{ AGENTS(ANN, BOB), ROOM("02:00"), ROOM("02:00"), JOINED "," ASKED,
	    "103" },
};

static enum exit_code
poll_rooms(const struct poll *p, struct buf *out)
{
	char *ann = xasprintf(ROOMS("%s"), p->of_ann);
	char *bob = xasprintf(ROOMS("%s"), p->of_bob);
	char *comments = xasprintf(COMMENTS("%s"), p->comments);
	const struct reply qiscus[] = {
		{ "/admin/agents", 200, p->agents },
		{ "\"user_ids\":[103]", 200, ann },
		{ "\"user_ids\":[99]", 200, bob },
		{ "/customer_rooms/7", 404, "" },
		{ "/customer_rooms", 200, ROOMS("") },
		{ "/load_comments", 200, comments },
		{ "", 404, "" },
	};
	enum exit_code code = poll_once(qiscus, out);

	free(ann);
	free(bob);
	free(comments);
	return code;
}

static void
one_of_several_holders_counts(void **state)
{
	struct buf out = BUF_INIT;
	const char *chat;
	char *want;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(polls); i++) {
		assert_int_equal(poll_rooms(&polls[i], &out), PROG_OK);
		chat = strstr(buf_str(&out), "\"type\":\"chat\"");
		assert_int_equal(chat != NULL, polls[i].want != NULL);
		if (chat == NULL)
			continue;
		want = xasprintf(
		    "\"chat\":\"7\",\"operator\":\"%s\"", polls[i].want);
		if (strstr(chat, want) == NULL)
			fail_msg("poll %zu: %s", i, buf_str(&out));
		free(want);
	}
	buf_release(&out);
}

#define TWO_OF_THREE(rows)                                                     \
	"{\"data\":{\"agents\":[" rows "]},\"meta\":{\"total_count\":3}}"

/* Rooms of the third one would be missing. */
static const struct reply short_list[] = {
	{ "/admin/agents?limit=100&page=2", 200, TWO_OF_THREE("") },
	{ "/admin/agents", 200, TWO_OF_THREE(ANN "," BOB) },
	{ "\"user_ids\":[99]", 200, ROOMS(ROOM("01:00")) },
	{ "/customer_rooms", 200, ROOMS("") },
	{ "/load_comments", 200, COMMENTS(ASKED) },
	{ "", 404, "" },
};

static void
a_list_of_agents_before_its_total_is_taken_the_third_time(void **state)
{
	struct buf out = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(poll_once(short_list, &out), PROG_TEMPFAIL);
	assert_int_equal(poll_once(short_list, &out), PROG_OK);
	assert_non_null(strstr(buf_str(&out), "\"chat\":\"7\""));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_several_holders_counts),
		cmocka_unit_test(
		    a_list_of_agents_before_its_total_is_taken_the_third_time),
	};

	return pull_world_run(tests, "qiscus");
}
