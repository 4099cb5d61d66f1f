/*
 * Tests of poller/route_hooks and poller/route_originals without HTTP: which
 * deliveries are accepted, how they are answered, and what is kept.
 */

#include "tests/unit/tmpdir.h"

#include <stdlib.h>

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "poller/crm/profile.h"
#include "poller/intake/hook.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

#define NOW INT64_C(1750163802250)

static const char conf_text_of_all[] =
    "[crm wo]\nprofile = chatwoot\nhook = signature\nhook_secret = s3cr3t\n"
    "[crm desk]\nhook = secret\nhook_secret = 0123456789abcdef\n"
    "[crm closed]\nhook_secret = 0123456789abcdef\n"
    "[crm room]\nprofile = qiscus\n"
    "[crm mail]\nprofile = qiscus\naccount = ours\nhook = secret\n"
    "hook_secret = 0123456789abcdef\n"
    "[listen]\ntenant = room\n";

/* A request with one or two headers. */
struct made {
	const char *signature, *timestamp;
};

static const char *
header(const struct web_request *r, const char *name)
{
	const struct made *m = r->private;

	if (strcmp(name, "X-Chatwoot-Signature") == 0)
		return m->signature;
	return strcmp(name, "X-Chatwoot-Timestamp") == 0 ? m->timestamp : NULL;
}

static struct listener_context in;

static int
open_all(void **state)
{
	static char loopback[] = "127.0.0.1", network[] = "10.0.0.0/8";
	static char *const trusted[] = { loopback, network, NULL };
	struct buf why = BUF_INIT;

	if (tmpdir_enter(state) != 0)
		return -1;
	tmpdir_file(
	    "my.conf", conf_text_of_all, sizeof conf_text_of_all - 1, 0600);
	in.conf = conf_load("my.conf", &why);
	if (in.conf == NULL || networks_read(&in.trusted, trusted, &why) != 0)
		fail_msg("%s", buf_str(&why));
	in.hooks = hooks_open(in.conf);
	in.keys = idempotency_open(NULL, 1000, &why);
	in.tenant = "room";
	buf_release(&why);
	return 0;
}

static int
close_all(void **state)
{
	hooks_free(in.hooks);
	idempotency_close(in.keys);
	networks_release(&in.trusted);
	conf_free((struct conf *)(uintptr_t)in.conf);
	return tmpdir_leave(state);
}

struct test_case {
	const char *name, *path, *body;
	struct made made;
	int status;
	const char *answer;      /* the body, or NULL: any */
	size_t records, letters; /* how many */
};

static void
check(const struct test_case *t, const char *peer)
{
	struct web_request r = { .method = WEB_POST,
		.path = t->path,
		.body = t->body,
		.len = strlen(t->body),
		.peer = peer,
		.now_ms = NOW,
		.header = header,
		.private = (struct made *)(uintptr_t)&t->made };
	struct web_answer a = { .status = 200 };

	route_answer(&in, &r, &a);
	if (a.later != NULL)
		a.later(&in, &r, &a);
	if (a.status != t->status ||
	    (t->answer != NULL && strcmp(buf_str(&a.body), t->answer) != 0))
		fail_msg("%s: %d %s", t->name, a.status, buf_str(&a.body));
	if (a.records_n != t->records || a.dead_n != t->letters)
		fail_msg("%s: %zu records, %zu letters: %s%s", t->name,
		    a.records_n, a.dead_n, buf_str(&a.records),
		    buf_str(&a.dead));
	buf_release(&a.body);
	buf_release(&a.records);
	buf_release(&a.dead);
}

/* Signed with s3cr3t at 1750163802; the first by test_signature.c, others by:
 * printf '1750163802.BODY' | openssl dgst -sha256 -hmac s3cr3t */
#define STAMP "1750163802"
#define CREATED "{\"event\":\"message_created\",\"id\":1}"
#define CREATED_MAC                                                            \
	"b6b493ce9dc22775483468336fe6a66e662f04292f491c5f3709a658c2bcc4de"
#define TYPING "{\"event\":\"conversation_typing_on\"}"
#define TYPING_MAC                                                             \
	"d34f00da9567a3a771bb920ec6e46506fea434a83de0685cea0446271f8be7b6"
#define MERGED "{\"event\":\"conversation_merged\"}"
#define MERGED_MAC                                                             \
	"aed6d403d8a299c3d45d2bd8c373d0db10eb72ed5bb3dfe3d48270eea4618303"
#define BEGINS                                                                 \
	"{\"event\":\"conversation_created\",\"id\":7,\"status\":\"open\","    \
	"\"meta\":{}}"
#define BEGINS_MAC                                                             \
	"4901fe5a0573331324880d45ad5dfc764f94d3dfa4602dafca6a7b97d184db93"
#define BROKEN "{\"event\":"
#define BROKEN_MAC                                                             \
	"0f5ede45d3402ec7ca7a9658bf026f71ee6a745f9217822b1b5a7530e8595e05"
#define HUGE_FIELD                                                             \
	"{\"hook_type\":\"inbox\",\"dialog_id\":9,\"message_id\":5,"           \
	"\"odd\":1e400}"
#define INBOX "{\"hook_type\":\"inbox\",\"dialog_id\":9,\"message_id\":5}"

#define UNAUTHORIZED "{\"detail\":\"Unauthorized\"}"
#define OK "{\"status\":\"ok\"}"

static void
webhooks_prove_themselves_and_are_kept(void **state)
{
	static const struct test_case cases[] = {
		{ "a conversation", "/hooks/wo/chatwoot", BEGINS,
		    { "sha256=" BEGINS_MAC, STAMP }, 200, OK, 1, 0 },
		{ "nothing to tell", "/hooks/wo/chatwoot", TYPING,
		    { "sha256=" TYPING_MAC, STAMP }, 200, OK, 0, 0 },
		{ "unknown", "/hooks/wo/chatwoot", MERGED,
		    { "sha256=" MERGED_MAC, STAMP }, 200, OK, 0, 1 },
		{ "not to be read", "/hooks/wo/chatwoot", CREATED,
		    { "sha256=" CREATED_MAC, STAMP }, 200, OK, 0, 1 },
		{ "no JSON, but authentic", "/hooks/wo/chatwoot", BROKEN,
		    { "sha256=" BROKEN_MAC, STAMP }, 400,
		    "{\"detail\":\"Invalid JSON\"}", 0, 0 },
		{ "no JSON, and nobody's", "/hooks/wo/chatwoot", BROKEN,
		    { NULL, NULL }, 401, UNAUTHORIZED, 0, 0 },
		{ "unsigned", "/hooks/wo/chatwoot", BEGINS, { NULL, STAMP },
		    401, UNAUTHORIZED, 0, 0 },
		{ "forged", "/hooks/wo/chatwoot", BEGINS,
		    { "sha256=" TYPING_MAC, STAMP }, 401, UNAUTHORIZED, 0, 0 },
		{ "replayed", "/hooks/wo/chatwoot", BEGINS,
		    { "sha256=" BEGINS_MAC, "1750160000" }, 401, UNAUTHORIZED,
		    0, 0 },
		{ "signed for another source", "/hooks/desk/chat2desk", BEGINS,
		    { "sha256=" BEGINS_MAC, STAMP }, 401, UNAUTHORIZED, 0, 0 },
		{ "nobody", "/hooks/nobody/chatwoot", BEGINS,
		    { "sha256=" BEGINS_MAC, STAMP }, 401, UNAUTHORIZED, 0, 0 },
		{ "another source", "/hooks/wo/chat2desk", BEGINS,
		    { "sha256=" BEGINS_MAC, STAMP }, 401, UNAUTHORIZED, 0, 0 },
		{ "a tenant that takes none",
		    "/hooks/closed/chat2desk/0123456789abcdef", INBOX,
		    { NULL, NULL }, 401, UNAUTHORIZED, 0, 0 },
		{ "one for the originals' routes only",
		    "/hooks/room/qiscus/0123456789abcdef", INBOX,
		    { NULL, NULL }, 401, UNAUTHORIZED, 0, 0 },
		{ "the secret in the path",
		    "/hooks/desk/chat2desk/0123456789abcdef", INBOX,
		    { NULL, NULL }, 200, OK, 2, 0 },
		{ "a number that nobody reads is beyond a double",
		    "/hooks/desk/chat2desk/0123456789abcdef", HUGE_FIELD,
		    { NULL, NULL }, 200, OK, 2, 0 },
		{ "a wrong one", "/hooks/desk/chat2desk/0123456789abcdeg",
		    INBOX, { NULL, NULL }, 401, UNAUTHORIZED, 0, 0 },
		{ "no secret", "/hooks/desk/chat2desk", INBOX, { NULL, NULL },
		    401, UNAUTHORIZED, 0, 0 },
		{ "too many parts", "/hooks/desk/chat2desk/a/b", INBOX,
		    { NULL, NULL }, 404, NULL, 0, 0 },
		{ "too few", "/hooks/desk", INBOX, { NULL, NULL }, 404, NULL, 0,
		    0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i], "192.0.2.1");
}

#define RECEIVED "{\"message\":\"Webhook received successfully\"}"
#define INVALID "{\"error\":\"Invalid payload\"}"
#define NONE                                                                   \
	{                                                                      \
		NULL, NULL                                                     \
	}

static void
the_originals_answer_as_they_did(void **state)
{
	static const struct test_case cases[] = {
		{ "a room", "/webhook",
		    "{\"app_id\":\"a\",\"source\":\"wa\",\"name\":\"n\","
		    "\"email\":\"e\",\"avatar_url\":\"\",\"extras\":\"{}\","
		    "\"is_resolved\":false,\"room_id\":\"77\","
		    "\"latest_service\":{\"id\":1,\"user_id\":2,"
		    "\"room_log_id\":3,\"app_id\":4,\"room_id\":\"77\","
		    "\"notes\":[1],\"resolved_at\":\"x\","
		    "\"is_resolved\":true,\"last_comment_id\":\"5\","
		    "\"first_comment_timestamp\":{}},"
		    "\"candidate_agent\":{\"id\":5,\"is_available\":true,"
		    "\"type\":2,\"direct_login_token\":1,"
		    "\"assigned_rules\":[\"r\"]}}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "again", "/webhook", "{\"email\":\"e\",\"room_id\":\"77\"}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "nulls", "/webhook",
		    "{\"email\":\"e\",\"room_id\":\"77\",\"extras\":null,"
		    "\"avatar_url\":null,"
		    "\"latest_service\":null,\"candidate_agent\":null}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "more than was known", "/webhook",
		    "{\"email\":\"e\",\"room_id\":\"77\",\"app_code\":1,"
		    "\"is_new_session\":true}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "half an emoji, a NUL, no UTF-8", "/webhook",
		    "{\"email\":\"e\",\"room_id\":\"77\",\"name\":\"a\\ud83d\","
		    "\"extras\":\"\\u0000\",\"source\":\"\xff\"}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "a large number that is not known", "/webhook",
		    "{\"email\":\"e\",\"room_id\":\"77\",\"x\":"
		    "100000000000000000000}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "a name twice", "/webhook",
		    "{\"email\":\"e\",\"room_id\":\"76\",\"room_id\":\"77\"}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "no room is kept", "/webhook", "{}", NONE, 200, RECEIVED, 0,
		    1 },
		{ "null is kept", "/webhook", "null", NONE, 200, RECEIVED, 0,
		    1 },
		{ "no JSON", "/webhook", "room_id=77", NONE, 400, INVALID, 0,
		    0 },
		{ "nothing", "/webhook", "", NONE, 400, INVALID, 0, 0 },
		{ "a list is kept", "/webhook", "[]", NONE, 200, RECEIVED, 0,
		    1 },
		{ "resolved", "/resolve",
		    "{\"customer\":{\"additional_info\":[],\"avatar\":\"\","
		    "\"name\":\"n\",\"user_id\":\"u\"},"
		    "\"resolved_by\":{\"id\":5,\"email\":\"e\",\"name\":\"n\","
		    "\"type\":\"agent\",\"is_available\":true},"
		    "\"service\":{\"id\":9,\"room_id\":\"77\","
		    "\"is_resolved\":true,\"notes\":null,"
		    "\"first_comment_id\":\"1\",\"last_comment_id\":\"2\","
		    "\"source\":\"wa\"}}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "the last comment is a number", "/resolve",
		    "{\"service\":{\"room_id\":\"77\",\"last_comment_id\":2}}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "half an emoji in a name", "/resolve",
		    "{\"customer\":{\"name\":\"a\\ud83d\"},"
		    "\"service\":{\"room_id\":\"77\"}}",
		    NONE, 200, RECEIVED, 1, 0 },
		{ "no service is kept", "/resolve", "{\"customer\":null}", NONE,
		    200, RECEIVED, 0, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		check(&cases[i], "127.0.0.1");
		check(&cases[i], "10.1.2.3");
	}
}

static void
webhooks_of_another_account_are_refused(void **state)
{
	static const struct test_case foreign = { "of another account",
		"/hooks/mail/qiscus/0123456789abcdef",
		"{\"app_id\":\"theirs\",\"email\":\"e\",\"room_id\":\"77\"}",
		NONE, 403,
		"{\"detail\":\"the webhook was refused: it is of app theirs, "
		"not of ours\"}",
		0, 0 };

	(void)state;
	check(&foreign, "192.0.2.1");
}

static void
the_originals_are_there_for_some_only(void **state)
{
	static const struct test_case gone = { "not there", "/webhook",
		"{\"room_id\":\"77\"}", NONE, 404, "{\"detail\":\"Not Found\"}",
		0, 0 };

	(void)state;
	check(&gone, "192.0.2.1");
	check(&gone, "");
	in.tenant = "desk"; /* of another CRM */
	check(&gone, "127.0.0.1");
	in.tenant = NULL;
	check(&gone, "127.0.0.1");
	in.tenant = "room";
}

/* Returns the records of a body that arrived at that time; owned. */
static char *
told(const char *body, int64_t now_ms)
{
	const struct made none = { NULL, NULL };
	struct web_request r = { .method = WEB_POST,
		.path = "/resolve",
		.body = body,
		.len = strlen(body),
		.peer = "127.0.0.1",
		.now_ms = now_ms,
		.header = header,
		.private = (struct made *)(uintptr_t)&none };
	struct web_answer a = { .status = 200 };

	route_answer(&in, &r, &a);
	assert_non_null(a.later);
	a.later(&in, &r, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.records_n, 1);
	buf_release(&a.body);
	buf_release(&a.dead);
	return buf_take(&a.records);
}

/* Otherwise a late repeat would close a session that began meanwhile. */
static void
a_resolving_told_again_has_the_time_of_the_first(void **state)
{
	static const char once[] = "{\"service\":{\"id\":9,"
				   "\"room_id\":\"78\"}}";
	static const char other[] = "{\"service\":{\"id\":10,"
				    "\"room_id\":\"78\"}}";
	static const char unnamed[] = "{\"service\":{\"room_id\":\"78\"}}";
	char *first = told(once, NOW), *again = told(once, NOW + 60000);
	char *next = told(other, NOW + 60000);
	char *bare = told(unnamed, NOW), *later = told(unnamed, NOW + 1000);

	(void)state;
	assert_non_null(strstr(first, "\"closed_at\""));
	assert_string_equal(again, first);
	assert_string_not_equal(next, first);
	assert_string_not_equal(later, bare);
	free(first);
	free(again);
	free(next);
	free(bare);
	free(later);
}

int
test_route_hooks(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(webhooks_prove_themselves_and_are_kept),
		cmocka_unit_test(the_originals_answer_as_they_did),
		cmocka_unit_test(webhooks_of_another_account_are_refused),
		cmocka_unit_test(the_originals_are_there_for_some_only),
		cmocka_unit_test(
		    a_resolving_told_again_has_the_time_of_the_first),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
