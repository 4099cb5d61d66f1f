/*
 * Qiscus's profile on webhooks, and what its rooms need.
 */
#include "tests/unit/qiscus_world.h"

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
	{ "a customer waits nowhere", "{\"room_id\":null,\"email\":\"c@x\"}",
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
			     "\"customer\",\"user\":\"c@x\","
			     "\"channel\":\"12\",\"kind\":\"text\"\n" },
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
	push(p, &hooks,
	    "{\"room_id\":\"77\",\"email\":\"c\",\"channel\":{\"id\":12}}",
	    &got);
	assert_non_null(
	    strstr(buf_str(&got), "\"tags\":\"channel-12,division-7\""));
	push(p, &hooks, "{\"room_id\":\"77\",\"email\":\"c\"}", &got);
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
		cmocka_unit_test(webhooks_become_records),
		cmocka_unit_test(rooms_need_what_the_configuration_says),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	crm_record_end();
	value_end();
	return failed;
}
