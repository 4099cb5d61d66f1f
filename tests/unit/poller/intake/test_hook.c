/*
 * Tests of poller/hook: the records made from payloads of every source, by the
 * table tests/records/hooks.txt, and which deliveries are authentic.
 */
#include "tests/unit/tmpdir.h"

#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "poller/crm/profile.h"
#include "poller/intake/hook.h"

#define NOW INT64_C(1795168800250) /* 2026-11-20T10:00:00.250Z */

static char *table; /* read before the tests leave the root */

static struct hooks *
open_text(const char *text, struct conf **conf)
{
	struct buf why = BUF_INIT;
	struct hooks *all;

	tmpdir_file("my.conf", text, strlen(text), 0600);
	*conf = conf_load("my.conf", &why);
	if (*conf == NULL)
		fail_msg("%s", buf_str(&why));
	all = hooks_open(*conf);
	buf_release(&why);
	return all;
}

static void
close_all(struct hooks *all, struct conf *conf)
{
	hooks_free(all);
	conf_free(conf);
}

static const char *
no_header(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

/* Describes the records made from a payload in the form of the table. */
static void
describe(const struct hook *h, const char *payload, struct buf *got)
{
	const struct web_request r = { .body = payload,
		.len = strlen(payload),
		.now_ms = NOW,
		.header = no_header };
	struct buf why = BUF_INIT, lines = BUF_INIT;
	struct idempotency *keys = idempotency_open(NULL, 10, &why);
	const char *reason;
	size_t n = 0;

	buf_clear(got);
	switch (hook_read(h, &r, keys, &lines, &n, &why)) {
	case HOOK_RECORDS:
		buf_adds(got, buf_str(&lines));
		break;
	case HOOK_PARTLY:
		buf_addf(got, "%spartly: %s\n", buf_str(&lines), buf_str(&why));
		break;
	case HOOK_FOREIGN:
		buf_addf(got, "refused: %s\n", buf_str(&why));
		break;
	case HOOK_UNKNOWN:
		buf_addf(got, "unknown: %s\n", buf_str(&why));
		break;
	case HOOK_UNREAD:
		reason = strstr(buf_str(&why), "': ");
		buf_addf(got, "unread: %s\n",
		    reason != NULL &&
			    strncmp(buf_str(&why), "hook_read", 9) == 0
			? reason + 3
			: buf_str(&why));
		break;
	case HOOK_NO_JSON:
		buf_addf(got, "no JSON: %s\n", buf_str(&why));
		break;
	}
	idempotency_close(keys);
	buf_release(&why);
	buf_release(&lines);
}

/* Returns the next line of the text without its newline; NULL at the end. */
static char *
next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

static void
check_case(const struct hooks *all, char *head, char **text, struct buf *got)
{
	char *payload = next_line(text), *line = next_line(text), *colon;
	struct buf want = BUF_INIT;
	const struct hook *h;

	colon = strchr(head, ':');
	assert_non_null(colon);
	*colon = '\0';
	h = hook_of(all, head);
	if (h == NULL || line == NULL || strcmp(line, "--") != 0)
		fail_msg("the table is wrong at '%s:%s'", head, colon + 1);
	while ((line = next_line(text)) != NULL && *line != '\0')
		buf_addf(&want, "%s\n", line);
	describe(h, payload, got);
	if (strcmp(buf_str(got), buf_str(&want)) != 0)
		fail_msg("%s:%s\ngot\n%swant\n%s", head, colon + 1,
		    buf_str(got), buf_str(&want));
	buf_release(&want);
}

static void
payloads_become_records(void **state)
{
	static const char conf[] =
	    "[crm chatwoot]\nprofile = chatwoot\nbot_operators = 777\n"
	    "hook = signature\nhook_secret = s3cr3t\n"
	    "[crm chat2desk]\ntoken = 0123\nbot_operators = 777\n"
	    "hook = signature\n"
	    "[crm qiscus]\nprofile = qiscus\nhook = secret\n"
	    "hook_secret = 0123456789abcdef\n";
	static const char all_conf[] =
	    "[crm chatwoot-all]\nprofile = chatwoot\ncustomers = yes\n"
	    "customer_phone = yes\nhook = signature\nhook_secret = s3cr3t\n"
	    "[crm chat2desk-all]\ncustomers = yes\ncustomer_phone = yes\n"
	    "hook = secret\nhook_secret = 0123456789abcdef\n"
	    "[poller]\nwith_text = yes\n";
	struct conf *few_conf, *more_conf;
	struct hooks *few = open_text(conf, &few_conf);
	struct hooks *more = open_text(all_conf, &more_conf);
	struct buf got = BUF_INIT;
	char *line, *rest = table;
	size_t n = 0;

	(void)state;
	assert_int_equal(hooks_failed(few), 0);
	while ((line = next_line(&rest)) != NULL) {
		if (strncmp(line, "== ", 3) != 0)
			continue;
		check_case(strstr(line, "-all:") != NULL ? more : few, line + 3,
		    &rest, &got);
		n++;
	}
	assert_true(n > 50);
	buf_release(&got);
	close_all(few, few_conf);
	close_all(more, more_conf);
}

static void
the_profile_is_told_all_of_its_section(void **state)
{
	static const char profile[] =
	    "def about: {hooks: {}}; def hook_read: {unknown: "
	    "(.options | \"\\(.account) \\(.history)\")};";
	struct buf got = BUF_INIT;
	struct conf *conf;
	struct hooks *all;

	(void)state;
	tmpdir_file("t.jq", profile, sizeof profile - 1, 0600);
	all = open_text("[crm t1]\nprofile = ./t.jq\nhook = secret\n"
			"hook_secret = 0123456789abcdef\n"
			"account = acc1\nhistory = all\n",
	    &conf);
	assert_int_equal(hooks_failed(all), 0);
	describe(hook_find(all, "t1", 2, "t", 1), "{}", &got);
	assert_string_equal(
	    buf_str(&got), "unknown: unknown event 'acc1 all'\n");
	buf_release(&got);
	close_all(all, conf);
}

/* A delivery with two headers. */
struct headers {
	const char *name, *value, *second, *second_value;
};

static const char *
find_header(const struct web_request *r, const char *name)
{
	const struct headers *h = r->private;

	if (h->name != NULL && strcmp(h->name, name) == 0)
		return h->value;
	return h->second != NULL && strcmp(h->second, name) == 0
		   ? h->second_value
		   : NULL;
}

#define BODY "{\"event\":\"message_created\",\"id\":1}"
#define CHATWOOT                                                               \
	"sha256="                                                              \
	"b6b493ce9dc22775483468336fe6a66e662f04292f491c5f3709a658c2bcc4de"

/* printf '%s1750163802' BODY | openssl dgst -sha256 -hmac $(printf 0123 |
 * openssl dgst -md5 | cut -d' ' -f2) */
#define CHAT2DESK                                                              \
	"fab328abb5f627033b084b36707c87fc87bba7ec2bf8c0c91dd53e1e8fae198a"

static void
only_who_proves_it_is_believed(void **state)
{
	static const char conf[] =
	    "[crm wo]\nprofile = chatwoot\nhook = signature\n"
	    "hook_secret = s3cr3t\n"
	    "[crm slow]\nprofile = chatwoot\nhook = signature\n"
	    "hook_secret = s3cr3t\nhook_window = 1d\n"
	    "[crm desk]\ntoken = 0123\nhook = signature\n"
	    "[crm strict]\ntoken = 0123\nhook = signature\n"
	    "hook_window = 5m\n"
	    "[crm key]\nhook = secret\nhook_secret = 0123456789abcdef\n";
	static const struct {
		const char *name, *tenant;
		struct headers headers;
		const char *secret;
		int64_t after_s;
		bool want;
	} cases[] = {
		{ "signed", "wo",
		    { "X-Chatwoot-Signature", CHATWOOT, "X-Chatwoot-Timestamp",
			"1750163802" },
		    NULL, 10, true },
		{ "unsigned", "wo", { NULL, NULL, NULL, NULL }, NULL, 0,
		    false },
		{ "unsigned, with the key as a secret", "wo",
		    { NULL, NULL, NULL, NULL }, "s3cr3t", 0, false },
		{ "old", "wo",
		    { "X-Chatwoot-Signature", CHATWOOT, "X-Chatwoot-Timestamp",
			"1750163802" },
		    NULL, 301, false },
		{ "old where that is allowed", "slow",
		    { "X-Chatwoot-Signature", CHATWOOT, "X-Chatwoot-Timestamp",
			"1750163802" },
		    NULL, 301, true },
		{ "by the token's MD5", "desk",
		    { "X-Signature", CHAT2DESK, "X-Timestamp", "1750163802" },
		    NULL, 0, true },
		{ "sent again after two hours, signed as before", "desk",
		    { "X-Signature", CHAT2DESK, "X-Timestamp", "1750163802" },
		    NULL, 2 * 3600 + 310, true },
		{ "a day later", "desk",
		    { "X-Signature", CHAT2DESK, "X-Timestamp", "1750163802" },
		    NULL, 86400, false },
		{ "sent again where that is not allowed", "strict",
		    { "X-Signature", CHAT2DESK, "X-Timestamp", "1750163802" },
		    NULL, 301, false },
		{ "by another tenant's scheme", "desk",
		    { "X-Chatwoot-Signature", CHATWOOT, "X-Chatwoot-Timestamp",
			"1750163802" },
		    NULL, 0, false },
		{ "the secret", "key", { NULL, NULL, NULL, NULL },
		    "0123456789abcdef", 0, true },
		{ "a shorter one", "key", { NULL, NULL, NULL, NULL },
		    "0123456789abcde", 0, false },
		{ "a longer one", "key", { NULL, NULL, NULL, NULL },
		    "0123456789abcdef0", 0, false },
		{ "none", "key", { NULL, NULL, NULL, NULL }, NULL, 0, false },
		{ "an empty one", "key", { NULL, NULL, NULL, NULL }, "", 0,
		    false },
		{ "nobody", "nobody",
		    { "X-Chatwoot-Signature", CHATWOOT, "X-Chatwoot-Timestamp",
			"1750163802" },
		    "0123456789abcdef", 0, false },
	};
	enum signature_verdict verdict;
	struct conf *c;
	struct hooks *all = open_text(conf, &c);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct headers headers = cases[i].headers;
		const struct web_request r = { .body = BODY,
			.len = strlen(BODY),
			.now_ms =
			    INT64_C(1750163802000) + cases[i].after_s * 1000,
			.header = find_header,
			.private = &headers };
		const struct hook *h = hook_of(all, cases[i].tenant);
		const char *secret = cases[i].secret;

		if (hook_authenticate(h, &r, secret,
			secret != NULL ? strlen(secret) : 0,
			&verdict) != cases[i].want)
			fail_msg("%s: %s", cases[i].name,
			    signature_verdict_name(verdict));
	}
	close_all(all, c);
}

#define CLOSED "{\"hook_type\":\"close_dialog\",\"dialog_id\":1}"

/* Reads an event without a time. */
static void
read_untimed(const struct hook *h, const char *body, const char *signed_at,
    int64_t now_ms, struct idempotency *keys, struct buf *to)
{
	struct headers headers = { "X-Timestamp", signed_at, NULL, NULL };
	const struct web_request r = { .body = body,
		.len = strlen(body),
		.now_ms = now_ms,
		.header = find_header,
		.private = &headers };
	struct buf why = BUF_INIT;
	size_t n = 0;

	buf_clear(to);
	assert_int_equal(hook_read(h, &r, keys, to, &n, &why), HOOK_RECORDS);
	assert_int_equal(n, 1);
	buf_release(&why);
}

/* Reads it as if no other delivery had arrived. */
static void
read_closing(
    const struct hook *h, const char *signed_at, int64_t now_ms, struct buf *to)
{
	struct buf why = BUF_INIT;
	struct idempotency *keys = idempotency_open(NULL, 10, &why);

	read_untimed(h, CLOSED, signed_at, now_ms, keys, to);
	idempotency_close(keys);
}

static void
an_event_without_a_time_has_that_of_its_signature(void **state)
{
	static const char conf[] =
	    "[crm desk]\ntoken = 0123\nhook = signature\n"
	    "[crm key]\nhook = secret\nhook_secret = 0123456789abcdef\n";
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct conf *c;
	struct hooks *all = open_text(conf, &c);
	const struct hook *desk = hook_of(all, "desk");

	(void)state;
	read_closing(desk, "1795168800", NOW, &first);
	/* Messages that the customer wrote within that second came earlier. */
	assert_non_null(strstr(buf_str(&first),
	    "\"closed_at\":\"2026-11-20T10:00:00.000Z\","
	    "\"at\":\"2026-11-20T10:00:00.999Z\""));
	/* The same delivery again, and another one. */
	read_closing(desk, "1795168800", NOW + 10000, &second);
	assert_string_equal(buf_str(&first), buf_str(&second));
	read_closing(desk, "1795168810", NOW + 10000, &second);
	assert_string_not_equal(buf_str(&first), buf_str(&second));
	/* Nobody signed that. */
	read_closing(hook_of(all, "key"), "1795168800", NOW, &second);
	assert_non_null(strstr(buf_str(&second), "10:00:00.250Z"));
	buf_release(&first);
	buf_release(&second);
	close_all(all, c);
}

#define TRANSFERRED(TO)                                                        \
	"{\"hook_type\":\"dialog_transferred\",\"dialog_id\":1,"               \
	"\"operator_id\":" TO "}"

/* Of two messages with the same time, the one with the greater id is later. A
 * repeated one keeps its place. */
static void
transfers_within_a_second_keep_their_order(void **state)
{
	static const struct {
		const char *body;
		int64_t now;
	} sent[] = { { TRANSFERRED("502"), NOW + 749 },
		{ TRANSFERRED("501"), NOW + 9750 },
		{ TRANSFERRED("502"), NOW + 99999 } };
	struct buf got[3] = { BUF_INIT, BUF_INIT, BUF_INIT }, why = BUF_INIT;
	struct idempotency *keys = idempotency_open(NULL, 10, &why);
	struct conf *c;
	struct hooks *all =
	    open_text("[crm desk]\ntoken = 0123\nhook = signature\n", &c);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(sent); i++) {
		read_untimed(hook_of(all, "desk"), sent[i].body, "1795168800",
		    sent[i].now, keys, &got[i]);
		assert_non_null(strstr(buf_str(&got[i]), "T10:00:00.999Z"));
	}
	assert_true(strcmp(buf_str(&got[0]), buf_str(&got[1])) < 0);
	assert_string_equal(buf_str(&got[0]), buf_str(&got[2]));
	for (i = 0; i < ARRAY_LEN(sent); i++)
		buf_release(&got[i]);
	idempotency_close(keys);
	close_all(all, c);
}

int
test_hook(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payloads_become_records),
		cmocka_unit_test(the_profile_is_told_all_of_its_section),
		cmocka_unit_test(only_who_proves_it_is_believed),
		cmocka_unit_test(
		    an_event_without_a_time_has_that_of_its_signature),
		cmocka_unit_test(transfers_within_a_second_keep_their_order),
	};
	struct buf text = BUF_INIT;
	FILE *f = fopen("tests/records/hooks.txt", "re");
	char line[8192];
	int rc;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		buf_adds(&text, line);
	if (f == NULL || fclose(f) != 0)
		return 1;
	table = buf_take(&text);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	free(table);
	return rc;
}
