/*
 * A listener runs for months, so reading a payload must not leak memory. Reads
 * each payload of tests/cases/routes/payloads many times, and makes calls of a
 * profile that fail.
 */
#include "tests/unit/growth.h" /* first: it defines which names the system
                                * shows */

#include "tests/unit/tmpdir.h"

#include <stdio.h>

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "poller/crm/profile.h"
#include "poller/intake/hook.h"

#define NOW INT64_C(1795168800250)

static struct buf table; /* read before the tests leave the root */

static const char tenants[] =
    "[crm chatwoot]\nprofile = chatwoot\nbot_operators = 777\n"
    "hook = signature\nhook_secret = s3cr3t\n"
    "[crm chat2desk]\ntoken = 0123\nbot_operators = 777\nhook = signature\n"
    "[crm qiscus]\nprofile = qiscus\nhook = secret\n"
    "hook_secret = 0123456789abcdef\n";

static const char *
no_header(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

struct delivered {
	const struct hook *hook;
	struct idempotency *keys;
	const char *payload;
	size_t len;
	struct web_answer answer;
	struct buf why;
};

static void
deliver(void *ctx)
{
	struct delivered *x = ctx;
	const struct web_request r = { .body = x->payload,
		.len = x->len,
		.now_ms = NOW,
		.header = no_header };

	buf_clear(&x->answer.records);
	buf_clear(&x->why);
	(void)hook_read(x->hook, &r, x->keys, &x->answer, &x->why);
}

/* line: the text after "== ", TENANT: NAME, and the payload behind an empty
 * line. */
static void
check_payload(const struct hooks *all, const char *line)
{
	struct delivered x = { .why = BUF_INIT };
	int name_len = (int)strcspn(line, "\n");
	char *tenant = xstrndup(line, strcspn(line, ":"));
	long bytes;

	x.hook = hook_of(all, tenant);
	x.keys = idempotency_open(NULL, 100, &x.why);
	assert_non_null(x.hook);
	x.payload = strstr(line, "\n\n") + 2;
	x.len = strcspn(x.payload, "\n");
	bytes = growth(deliver, &x);
	if (bytes > GROWTH_MOST_BYTES)
		fail_msg("%.*s: %d of them leave %ld bytes behind", name_len,
		    line, GROWTH_CALLS, bytes);
	free(tenant);
	idempotency_close(x.keys);
	buf_release(&x.answer.records);
	buf_release(&x.answer.note);
	buf_release(&x.why);
}

static void
a_payload_leaves_nothing_behind(void **state)
{
	struct buf why = BUF_INIT;
	const char *at = buf_str(&table);
	struct conf *conf;
	struct hooks *all;
	size_t n = 0;

	(void)state;
	tmpdir_file("my.conf", tenants, sizeof tenants - 1, 0600);
	conf = conf_load("my.conf", &why);
	if (conf == NULL)
		fail_msg("%s", buf_str(&why));
	all = hooks_open(conf);
	for (; (at = strstr(at, "\n== ")) != NULL; n++) {
		at += strlen("\n== ");
		check_payload(all, at);
	}
	assert_true(n > 50);
	hooks_free(all);
	conf_free(conf);
	buf_release(&why);
}

/* The result of chats_request, and its maximum duration; .operators is [] and
 * .now is 1. */
static const struct {
	const char *name, *text;
	int64_t limit_ms;
} ends[] = {
	{ "an answer", "{path: \"/\\(.tenant)\"}", 5000 },
	{ "two answers", "{path: \"/\\(.tenant)\"}, {path: \"/\"}", 5000 },
	{ "none", "empty", 5000 },
	{ "one of a wrong kind", "[.tenant]", 5000 },
	{ "an error", "error(\"no \" + .tenant)", 5000 },
	{ "an error that is caught",
	    "try error(\"no \" + .tenant) catch {path: \"/\\(.)\"}", 5000 },
	{ "an error that is an object", "error({t: .tenant})", 5000 },
	{ "it wants to halt", "halt_error", 5000 },
	{ "breaking off",
	    "label $x | (.tenant, \"b\") | {path: \"/\\(.)\"}, break $x",
	    5000 },
	{ "the first ones", "[limit(2; repeat(.tenant))] | {path: \"/\\(.)\"}",
	    5000 },
	{ "looking in an array",
	    "[.tenant, \"b\"] | {path: \"/\\(index(.[0]), rindex(\"b\"), "
	    "indices([.[0], \"b\"]))\"}",
	    5000 },
	{ "trimming text",
	    "{path: \"/\\(.tenant | ltrimstr(\"a\") | rtrimstr(\"e\"))\"}",
	    5000 },
	{ "trimming what is none",
	    "{path: \"/\\(.now | ltrimstr(\"a\") | rtrimstr(\"b\"))\"}", 5000 },
	{ "cut in time", ".tenant as $t | last(range(1e12) | \"\\($t)\\(.)\")",
	    2 },
	{ "cut while an array grows",
	    ".tenant as $t | [range(1e12) | $t + tostring]", 2 },
};

struct asked {
	struct profile *profile;
	struct buf why;
	size_t n; /* requests that it gave */
};

static void
ask(void *ctx)
{
	struct asked *x = ctx;
	struct profile_input in = { .now_ms = 1000 };
	struct profile_request r;

	buf_clear(&x->why);
	x->n +=
	    profile_request(x->profile, PROFILE_CHATS, &in, &r, &x->why) == 1;
	profile_request_release(&r);
}

static void
a_call_leaves_nothing_behind(void **state)
{
	static const struct profile_options options = { .tenant = "acme" };
	struct asked x = { .why = BUF_INIT };
	char *text;
	long bytes;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		text = xasprintf("def chats_request: %s;", ends[i].text);
		tmpdir_file("my.jq", text, strlen(text), 0600);
		x.profile = profile_open("./my.jq", &options, &x.why);
		if (x.profile == NULL)
			fail_msg("%s: %s", ends[i].name, buf_str(&x.why));
		profile_set_limit(x.profile, ends[i].limit_ms);
		x.n = 0;
		bytes = growth(ask, &x);
		if (bytes > GROWTH_MOST_BYTES)
			fail_msg("%s: %d of them leave %ld bytes behind",
			    ends[i].name, GROWTH_CALLS, bytes);
		/* Each ends as the others do. */
		assert_true(x.n == 0 || x.n == GROWTH_WARM_UP + GROWTH_CALLS);
		profile_close(x.profile);
		free(text);
	}
	buf_release(&x.why);
}

int
test_hook_memory(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_leaves_nothing_behind),
		cmocka_unit_test(a_call_leaves_nothing_behind),
	};
	FILE *f = fopen("tests/cases/routes/payloads", "re");
	char line[8192];
	int rc;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		buf_adds(&table, line);
	if (f == NULL || fclose(f) != 0)
		return 1;
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	buf_release(&table);
	return rc;
}
