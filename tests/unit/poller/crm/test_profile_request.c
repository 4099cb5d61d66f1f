/*
 * Tests of the requests that a profile may make: methods, bodies, hosts,
 * headers.
 */
#define _DEFAULT_SOURCE /* mkstemp */

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

static const struct profile_options options = { .tenant = "acme",
	.account = "app-1" };

/* Opens a profile that a test wrote to a file. NULL and *why on errors. */
static struct profile *
try_text(const char *text, struct buf *why)
{
	char path[] = "/tmp/test_request.XXXXXX";
	int fd = mkstemp(path);
	struct profile *p;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	p = profile_open(path, &options, why);
	assert_int_equal(unlink(path), 0);
	return p;
}

static struct profile *
open_text(const char *text)
{
	struct buf why = BUF_INIT;
	struct profile *p = try_text(text, &why);

	if (p == NULL)
		fail_msg("%s: %s", text, buf_str(&why));
	buf_release(&why);
	return p;
}

static const struct {
	const char *name, *gives;
	const char *want; /* METHOD HOST TARGET [TYPE BODY]; or the fault */
} requests[] = {
	{ "a GET", "{path: \"/a\", query: {b: [1, \"x y\"], c: null}}",
	    "GET - /a?b=1&b=x%20y" },
	{ "a query behind another", "{path: \"/a?z=1\", query: {b: true}}",
	    "GET - /a?z=1&b=true" },
	{ "a body is posted", "{path: \"/a\", body: {n: 5, s: \"ü\"}}",
	    "POST - /a application/json {\"n\":5,\"s\":\"ü\"}" },
	{ "an array too", "{path: \"/a\", body: [1]}",
	    "POST - /a application/json [1]" },
	{ "false is a body", "{path: \"/a\", body: false}",
	    "POST - /a application/json false" },
	{ "a form",
	    "{path: \"/a\", query: {q: 1}, form: {room_id: \"1&2\", "
	    "max_agent: 1, replace: false, none: null, ids: [3, 4]}}",
	    "POST - /a?q=1 application/x-www-form-urlencoded "
	    "ids=3&ids=4&max_agent=1&replace=false&room_id=1%262" },
	{ "an empty form", "{path: \"/a\", form: {}}",
	    "POST - /a application/x-www-form-urlencoded " },
	{ "a PUT", "{method: \"PUT\", path: \"/a\", body: {}}",
	    "PUT - /a application/json {}" },
	{ "a PATCH without a body", "{method: \"PATCH\", path: \"/a\"}",
	    "PATCH - /a" },
	{ "a DELETE", "{method: \"DELETE\", path: \"/a\"}", "DELETE - /a" },
	{ "another host", "{path: \"/a\", host: \"messages\"}",
	    "GET messages /a" },
	{ "a GET with a body", "{method: \"GET\", path: \"/a\", body: {}}",
	    "a GET request must not have a body" },
	{ "a method there is not", "{method: \"BREW\", path: \"/a\"}",
	    "method must be GET, POST, PUT, PATCH or DELETE" },
	{ "a method in small letters", "{method: \"post\", path: \"/a\"}",
	    "method must be GET" },
	{ "a method that is not text", "{method: 1, path: \"/a\"}",
	    "method must be GET" },
	{ "no path", "{method: \"POST\", body: {}}", "begins with a slash" },
};

static void
requests_are_what_the_profile_says(void **state)
{
	const struct profile_input in = { .now_ms = 0 };
	struct buf why = BUF_INIT, got = BUF_INIT;
	struct profile_request r;
	struct profile *p;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(requests); i++) {
		text = xasprintf("def chats_request: %s;\n", requests[i].gives);
		p = open_text(text);
		buf_clear(&got);
		if (profile_request(p, PROFILE_CHATS, &in, &r, &why) == 1) {
			buf_addf(&got, "%s %s %s", r.method,
			    r.host != NULL ? r.host : "-", r.target);
			if (r.body != NULL)
				buf_addf(&got, " %s %s", r.type, r.body);
		} else if (strstr(buf_str(&why), requests[i].want) != NULL) {
			buf_adds(&got, requests[i].want);
		}
		if (strcmp(buf_str(&got), requests[i].want) != 0)
			fail_msg("%s: got '%s' (%s)", requests[i].name,
			    buf_str(&got), buf_str(&why));
		profile_request_release(&r);
		profile_close(p);
		free(text);
	}
	buf_release(&why);
	buf_release(&got);
}

static void
about_names_hosts_and_headers(void **state)
{
	struct profile *p = open_text(
	    "def about: {url: \"https://a.test\", auth: {header: \"Key\"},"
	    " headers: {App: .options.account, Fixed: \"1\"},"
	    " hosts: {messages: {url: \"https://b.test\","
	    " auth: {header: \"KEY2\", prefix: \"x \"}}, empty: null}};");
	const struct profile_about *a = profile_about(p);

	(void)state;
	assert_false(a->needs_account);
	assert_int_equal(a->hosts_n, 3);
	assert_null(a->hosts[0].name);
	assert_string_equal(a->hosts[0].url, "https://a.test");
	assert_string_equal(a->hosts[0].auth_header, "Key");
	assert_null(a->hosts[0].auth_prefix);
	assert_string_equal(a->hosts[0].headers[0], "App: app-1");
	assert_string_equal(a->hosts[0].headers[1], "Fixed: 1");
	assert_null(a->hosts[0].headers[2]);
	assert_string_equal(a->hosts[1].name, "messages");
	assert_string_equal(a->hosts[1].url, "https://b.test");
	assert_string_equal(a->hosts[1].auth_header, "KEY2");
	assert_string_equal(a->hosts[1].auth_prefix, "x ");
	assert_null(a->hosts[1].headers[0]);
	assert_string_equal(a->hosts[2].name, "empty");
	assert_null(a->hosts[2].url);
	profile_close(p);

	p = open_text("def about: {hosts: {b: {headers: {App: null}}}};");
	assert_true(profile_about(p)->needs_account);
	profile_close(p);
}

/* A misspelled member must not count as a refusal, or the chat would be
 * reserved again. */
static void
an_assignment_without_operator_cannot_be_read(void **state)
{
	struct profile_input in = { .status = 200 };
	struct profile *p = open_text("def assign_read: {};\n");
	struct profile_answer out;

	(void)state;
	profile_read(p, PROFILE_ASSIGN, &in, &out);
	assert_int_equal(out.error, ERROR_CLASS_UNUSABLE);
	assert_non_null(strstr(buf_str(&out.message), "{operator}"));
	profile_answer_release(&out);
	profile_close(p);
}

static const struct {
	const char *about;
	const char *want; /* NULL: it is taken */
} abouts[] = {
	{ "{}", NULL },
	{ "{headers: {\"X-App\": null}, hosts: {a: {}}}", NULL },
	{ "{url: null, hooks: {sign: null}}", NULL },
	{ "{period: 60, changes: 0}", NULL },
	{ "{other: []}", "other is unknown" },
	{ "{hooks: {sign: {windows: 60}}}", "hooks.sign.windows is unknown" },
	{ "5", "it must be an object" },
	{ "{url: 5}", "url must be a text" },
	{ "{auth: \"x\"}", "auth must be an object" },
	{ "{auth: {prefix: 1}}", "auth.prefix must be a text" },
	{ "{headers: [\"X-App\"]}", "headers must be an object" },
	{ "{headers: {\"X-App\": 5}}", "headers.X-App must be a text" },
	{ "{hosts: [1]}", "hosts must be an object" },
	{ "{hosts: {a: \"x\"}}", "hosts.a must be an object" },
	{ "{hosts: {a: {headers: {b: {}}}}}",
	    "hosts.a.headers.b must be a text" },
	{ "{by_operator: \"yes\"}", "by_operator must be true or false" },
	{ "{needs: 1}", "needs must be true or false" },
	{ "{backfill: \"5\"}",
	    "backfill must be a whole number from 1 to 60000" },
	{ "{backfill: 2.5}",
	    "backfill must be a whole number from 1 to 60000" },
	{ "{period: 86401}", "period must be a whole number from 0 to 86400" },
	{ "{hooks: true}", "hooks must be an object" },
	{ "{hooks: {sign: \"X-Signature\"}}", "hooks.sign must be an object" },
	{ "{hooks: {headers: \"X-Event\"}}",
	    "hooks.headers must be a list of texts" },
	{ "{hooks: {sign: {parts: [\"body\", 5]}}}",
	    "hooks.sign.parts must be a list of texts" },
	{ "{hooks: {sign: {header: \"X\", parts: [\"body\"], window: 10800}}}",
	    NULL },
	{ "{hooks: {sign: {header: \"X\", parts: [\"body\", \"timestamp\"]}}}",
	    "hooks.sign must be {header, parts}" },
	{ "{hooks: {sign: {window: \"3h\"}}}",
	    "hooks.sign.window must be a whole number from 1 to 86400" },
	{ "{hooks: {sign: {window: 0}}}",
	    "hooks.sign.window must be a whole number from 1 to 86400" },
};

/* No statement of a profile about its CRM is ignored silently. */
static void
about_is_what_it_must_be(void **state)
{
	struct buf why = BUF_INIT;
	struct profile *p;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(abouts); i++) {
		text = xasprintf("def about: %s;\n", abouts[i].about);
		p = try_text(text, &why);
		if (p == NULL && abouts[i].want == NULL)
			fail_msg("%s: %s", text, buf_str(&why));
		if (abouts[i].want != NULL &&
		    (p != NULL ||
			strstr(buf_str(&why), "about of profile '/tmp/") ==
			    NULL ||
			strstr(buf_str(&why), abouts[i].want) == NULL))
			fail_msg("%s: %s, not %s", text,
			    p != NULL ? "taken" : buf_str(&why),
			    abouts[i].want);
		profile_close(p);
		free(text);
		buf_clear(&why);
	}
	buf_release(&why);
}

int
test_profile_request(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_what_the_profile_says),
		cmocka_unit_test(about_names_hosts_and_headers),
		cmocka_unit_test(about_is_what_it_must_be),
		cmocka_unit_test(an_assignment_without_operator_cannot_be_read),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
