/*
 * Tests of the limits of a profile, and of how bodies are passed to it. Text
 * cases test its requests and what it says about its CRM.
 */
#define _DEFAULT_SOURCE /* mkstemp */

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/thread.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"

static const struct profile_options options = { .tenant = "acme" };

/* Opens a profile that a test wrote to a file. */
static struct profile *
open_text(const char *text, struct buf *why)
{
	char path[] = "/tmp/test_profile.XXXXXX";
	int fd = mkstemp(path);
	struct profile *p;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	p = profile_open(path, &options, why);
	assert_int_equal(unlink(path), 0);
	/* Only libjq saw an empty environment. */
	assert_non_null(getenv("PATH"));
	return p;
}

/* poller --try, which the text cases use, does not show the type. */
static void
a_body_has_a_type(void **state)
{
	struct profile_input in = { .now_ms = 0 };
	struct profile_request r;
	struct buf why = BUF_INIT;
	struct profile *p =
	    open_text("def chats_request: {path: \"/a\", body: [1]};"
		      "def chat_request: {path: \"/a\", form: {}};",
		&why);

	(void)state;
	assert_non_null(p);
	assert_int_equal(profile_request(p, PROFILE_CHATS, &in, &r, &why), 1);
	assert_string_equal(r.type, "application/json");
	profile_request_release(&r);
	assert_int_equal(profile_request(p, PROFILE_CHAT, &in, &r, &why), 1);
	assert_string_equal(r.type, "application/x-www-form-urlencoded");
	profile_request_release(&r);
	profile_close(p);
	buf_release(&why);
}

/* A misspelled member must not count as a refusal, or the chat would be
 * reserved again. */
static void
an_assignment_without_operator_cannot_be_read(void **state)
{
	struct profile_input in = { .status = 200 };
	struct profile_answer out;
	struct buf why = BUF_INIT;
	struct profile *p = open_text("def assign_read: {};\n", &why);

	(void)state;
	assert_non_null(p);
	profile_read(p, PROFILE_ASSIGN, &in, &out);
	assert_int_equal(out.error, ERROR_CLASS_UNUSABLE);
	assert_non_null(strstr(buf_str(&out.message), "{operator}"));
	profile_answer_release(&out);
	profile_close(p);
	buf_release(&why);
}

static void
a_call_that_does_not_end_is_ended(void **state)
{
	struct profile_input in = { .now_ms = 0 };
	struct profile_request r;
	struct buf why = BUF_INIT;
	struct profile *p = open_text("def chats_request: last(range(1e12));"
				      "def operators_request: {path: \"/x\"};",
	    &why);

	(void)state;
	assert_non_null(p);
	profile_set_limit(p, 20);
	assert_int_equal(profile_request(p, PROFILE_CHATS, &in, &r, &why), -1);
	assert_non_null(strstr(buf_str(&why), "takes longer"));
	/* and the next one works */
	assert_int_equal(
	    profile_request(p, PROFILE_OPERATORS, &in, &r, &why), 1);
	profile_request_release(&r);
	profile_close(p);
	buf_release(&why);
}

/* An assertion in libjq fails when it starts again after such a call. */
static void
a_call_may_end_behind_a_path(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "{a: {b: [1, 2]}} | path(.a.b[]) | {path: \"/x\"}", 1 },
		{ "[[{a: 1}, 2], 3] | paths | {path: \"/x\"}", 1 },
		{ "{a: {b: [1, 2]}} | .a.b[] |= last(range(1e12))", -1 },
		{ "last(repeat([[1, [2]], [3]] | [paths]))", -1 },
	};
	struct profile_input in = { .now_ms = 0 };
	struct profile_request r;
	struct buf why = BUF_INIT;
	struct profile *p;
	char *text;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		text = xasprintf("def chats_request: %s;", cases[i].text);
		p = open_text(text, &why);
		assert_non_null(p);
		if (cases[i].want < 0)
			profile_set_limit(p, 20);
		for (n = 0; n < 20; n++) {
			assert_int_equal(
			    profile_request(p, PROFILE_CHATS, &in, &r, &why),
			    cases[i].want);
			profile_request_release(&r);
		}
		profile_close(p);
		free(text);
	}
	buf_release(&why);
}

static struct profile *endless;

static void *
ask_for_ever(void *ctx)
{
	struct profile_input in = { .now_ms = 0 };
	struct profile_request r;
	struct buf why = BUF_INIT;
	int *rc = ctx;

	*rc = profile_request(endless, PROFILE_CHATS, &in, &r, &why);
	profile_request_release(&r);
	buf_release(&why);
	return NULL;
}

/* The thread takes no signals except the one that ends such a call. */
static void
a_call_without_end_ends_in_a_thread(void **state)
{
	struct buf why = BUF_INIT;
	pthread_t t;
	int rc = 0;

	(void)state;
	endless = open_text("def chats_request: last(repeat(1));", &why);
	assert_non_null(endless);
	profile_set_limit(endless, 20);
	assert_int_equal(
	    thread_start(&t, "jq", ask_for_ever, &rc, &why), PROG_OK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(rc, -1);
	profile_close(endless);
	buf_release(&why);
}

static const struct {
	const char *name, *text, *want; /* NULL: no JSON */
} bodies[] = {
	{ "a byte order mark", "\xef\xbb\xbf[1]", "[1]" },
	{ "2^53 is exact", "[9007199254740992]", "[9007199254740992]" },
	{ "more is text", "[9007199254740993,-9007199254740993]",
	    "[\"9007199254740993\",\"-9007199254740993\"]" },
	{ "beyond 64 bits", "[18446744073709551616]",
	    "[\"18446744073709551616\"]" },
	{ "digits in a string",
	    "[\"18446744073709551616\",18446744073709551616]",
	    "[\"18446744073709551616\",\"18446744073709551616\"]" },
	{ "beyond a double", "[-1e400,1E+400,1e308,1e-400,\"1e400\"]",
	    "[\"-1e400\",\"1E+400\",1e+308,0,\"1e400\"]" },
	{ "beyond a double, and latin-1", "[1e400,\"caf\xe9\"]",
	    "[\"1e400\",\"caf\xef\xbf\xbd\"]" },
	{ "too large, but no number", "[1e400-]", NULL },
	{ "nor this one", "[00000000000000000001]", NULL },
	{ "half an emoji", "[\"a\\ud83d\"]", "[\"a\xef\xbf\xbd\"]" },
	{ "the other half", "[\"\\ude00b\"]",
	    "[\"\xef\xbf\xbd"
	    "b\"]" },
	{ "a whole one", "[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]" },
	{ "latin-1", "[\"caf\xe9\"]", "[\"caf\xef\xbf\xbd\"]" },
	{ "a NUL", "[\"a\\u0000b\"]",
	    "[\"a\xef\xbf\xbd"
	    "b\"]" },
	{ "a NUL in a name", "{\"a\\u0000\":1}", "{\"a\xef\xbf\xbd\":1}" },
	{ "nothing", "", NULL },
	{ "a web page", "<html>", NULL },
	{ "cut", "{\"data\":[", NULL },
	{ "cut within text", "{\"data\":\"\xc3", NULL },
};

static void
bodies_are_read_as_far_as_possible(void **state)
{
	struct buf why = BUF_INIT, got = BUF_INIT;
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bodies); i++) {
		buf_clear(&got);
		v = json_read_repaired(
		    bodies[i].text, strlen(bodies[i].text), &why);
		if (v != NULL)
			value_dump(v, &got);
		if ((v == NULL) != (bodies[i].want == NULL) ||
		    (v != NULL && strcmp(buf_str(&got), bodies[i].want) != 0))
			fail_msg("%s: got '%s'", bodies[i].name, buf_str(&got));
		json_decref(v);
	}
	buf_release(&why);
	buf_release(&got);
}

int
test_profile_world(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_has_a_type),
		cmocka_unit_test(an_assignment_without_operator_cannot_be_read),
		cmocka_unit_test(a_call_that_does_not_end_is_ended),
		cmocka_unit_test(a_call_may_end_behind_a_path),
		cmocka_unit_test(a_call_without_end_ends_in_a_thread),
		cmocka_unit_test(bodies_are_read_as_far_as_possible),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
