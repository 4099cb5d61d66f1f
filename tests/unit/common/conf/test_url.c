/*
 * Tests of common/conf/url: how URLs are split, which are refused, and that
 * passwords never show.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/conf/url.h"

static const char *
shown(const char *s)
{
	return s != NULL ? s : "-";
}

/* Describes the parts as one text, with "-" for a missing part. */
static void
describe(struct buf *b, const struct url *u)
{
	size_t i;

	buf_setf(b, "%s|%s|%s", shown(u->scheme), shown(u->user),
	    shown(u->password));
	for (i = 0; i < u->n_hosts; i++)
		buf_addf(b, "|%s|%d", u->hosts[i].name, u->hosts[i].port);
	buf_addf(b, "|%s|%s", shown(u->path), shown(u->query));
}

static void
urls_are_taken_apart(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "amqp://localhost", "amqp|-|-|localhost|0|-|-" },
		{ "AMQPS://h:5671/", "amqps|-|-|h|5671||-" },
		{ "amqp://u:p@h/%2f", "amqp|u|p|h|0|/|-" },
		{ "amqp://u:p%40%3a@h:1/v", "amqp|u|p@:|h|1|v|-" },
		{ "amqp://u:p@ss@h/v", "amqp|u|p@ss|h|0|v|-" },
		{ "amqp://u:@h", "amqp|u||h|0|-|-" },
		{ "amqp://u:a:b@h", "amqp|u|a:b|h|0|-|-" },
		{ "mysql://u@h:3306/db?ssl=1&x=2",
		    "mysql|u|-|h|3306|db|ssl=1&x=2" },
		{ "mysql://[::1]:3306/db", "mysql|-|-|::1|3306|db|-" },
		{ "mysql://[fe80::1]/db", "mysql|-|-|fe80::1|0|db|-" },
		{ "https://api.example.com/v1/a?q=%20#frag",
		    "https|-|-|api.example.com|0|v1/a|q=%20" },
		{ "http://h?x=1", "http|-|-|h|0|-|x=1" },
		{ "http://h:/x", "http|-|-|h|0|x|-" },
		{ "amqp://u:a,b@h,[::1]:1,g:2/v",
		    "amqp|u|a,b|h|0|::1|1|g|2|v|-" },
	};
	struct buf got = BUF_INIT, why = BUF_INIT;
	struct url u;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (url_parse(&u, cases[i].in, &why) != 0)
			fail_msg("%s: %s", cases[i].in, buf_str(&why));
		describe(&got, &u);
		if (strcmp(buf_str(&got), cases[i].want) != 0)
			fail_msg("%s: %s, not %s", cases[i].in, buf_str(&got),
			    cases[i].want);
		url_release(&u);
	}
	buf_release(&got);
	buf_release(&why);
}

static void
bad_urls_are_refused_without_their_password(void **state)
{
	static const char *const cases[] = {
		"",
		"localhost",
		"amqp:/u:SECRET@h",
		"://u:SECRET@h",
		"amqp://",
		"amqp:///vhost",
		"amqp://u:SECRET@",
		"amqp://u:SECRET@:5672",
		"amqp://u:SECRET@h:0",
		"amqp://u:SECRET@h:65536",
		"amqp://u:SECRET@h:99999999999999999999",
		"amqp://u:SECRET@h:5672x",
		"amqp://u:SECRET/x@h:5672",
		"amqp://u:SECRET%@h",
		"amqp://u:SECRET%4@h",
		"amqp://u:SECRET%zz@h",
		"amqp://u:SECRET%00@h",
		"amqp://u:SECRET@h/%0",
		"amqp://u:SECRET@[::1",
		"amqp://u:SECRET@[::1]x",
		"amqp://u:SECRET @h",
		"amqp://u:SECRET\n@h",
		"amqp://u:SECRET@h,",
		"amqp://u:SECRET@h,,g",
		"amqp://u:SECRET@h,g:x",
		"amqp://u:SECRET@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
	};
	struct buf why = BUF_INIT;
	struct url u;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (url_parse(&u, cases[i], &why) == 0)
			fail_msg("'%s' was taken", cases[i]);
		assert_true(why.len > 0);
		assert_null(strstr(buf_str(&why), "SECRET"));
		assert_true(u.n_hosts == 0);
	}
	buf_release(&why);
}

/* Otherwise the digits before it would be a port, and the rest a path. */
static void
a_password_that_is_cut_is_refused(void **state)
{
	static const struct {
		const char *in, *why;
	} cases[] = {
		{ "x://u:12/SECRET@h/d", "write a '/' in the password as "
					 "%2F" },
		{ "x://u:a@b/SECRET@h/d", "%2F" },
		{ "x://u:1?SECRET@h/d", "write a '?' in the password as "
					"%3F" },
		{ "x://u:1/SECRET?SECRET@h/d", "%3F" },
		{ "x://u:SECRET@h/my@db", "an '@' in the name of a database or "
					  "virtual host as %40" },
		{ "x://u:1#SECRET@h/d", "write a '#' in the password as "
					"%23" },
	};
	struct buf why = BUF_INIT;
	struct url u;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (url_parse(&u, cases[i].in, &why) == 0)
			fail_msg("'%s' was taken", cases[i].in);
		if (strstr(buf_str(&why), cases[i].why) == NULL ||
		    strstr(buf_str(&why), "SECRET") != NULL)
			fail_msg("%s: %s", cases[i].in, buf_str(&why));
	}
	buf_release(&why);
}

static void
a_query_may_have_one_parameter(void **state)
{
	static const struct {
		const char *in, *value, *why; /* why NULL: taken */
	} cases[] = {
		{ "x://u:SECRET@h/d", NULL, NULL },
		{ "x://h/d?", NULL, NULL },
		{ "x://h/d?socket=/s", "/s", NULL },
		{ "x://h/d?socket=/a%20b&", "/a b", NULL },
		{ "x://h/d?&socket=", "", NULL },
		{ "x://h/d?socket=/r&socket=/s", "/s", NULL },
		{ "x://u:SECRET@h/d?ssl-mode=SECRET", NULL, "'ssl-mode'" },
		{ "x://h/d?socket=/s&heartbeat=3", "/s", "'heartbeat'" },
		{ "x://h/d?sockets=/s", NULL, "'sockets'" },
		{ "x://h/d?sock=/s", NULL, "'sock'" },
		{ "x://h/d?socket", NULL, "'socket'" },
	};
	struct buf why = BUF_INIT;
	struct url u;
	char *value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&why);
		value = NULL;
		assert_int_equal(url_parse(&u, cases[i].in, &why), 0);
		if ((url_read_query(&u, "socket", &value, &why) == 0) !=
			(cases[i].why == NULL) ||
		    strcmp(shown(value), shown(cases[i].value)) != 0 ||
		    (cases[i].why != NULL &&
			strstr(buf_str(&why), cases[i].why) == NULL) ||
		    strstr(buf_str(&why), "SECRET") != NULL)
			fail_msg("%s: %s", cases[i].in, buf_str(&why));
		free(value);
		url_release(&u);
	}
	buf_release(&why);
}

static void
only_loopback_is_loopback(void **state)
{
	static const struct {
		const char *host;
		bool want;
	} cases[] = {
		{ "localhost", true },
		{ "LocalHost", true },
		{ "127.0.0.1", true },
		{ "127.255.0.9", true },
		{ "::1", true },
		{ "128.0.0.1", false },
		{ "127.evil.example", false },
		{ "127.0.0.1.evil.example", false },
		{ "localhost.evil.example", false },
		{ "::2", false },
		{ "", false },
		{ NULL, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (url_is_loopback(cases[i].host) != cases[i].want)
			fail_msg("%s", shown(cases[i].host));
	}
}

static void
redacted_urls_show_no_password(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "amqp://u:p@h:1/v", "amqp://u:***@h:1/v" },
		{ "amqp://u@h/v", "amqp://u@h/v" },
		{ "amqp://h/v", "amqp://h/v" },
		{ "amqp://u:p@x@h/v", "amqp://u:***@h/v" },
		{ "amqp://u:p/x@h/v", "amqp://u:***@h/v" },
		{ "amqp://u:p?x@h/v", "amqp://u:***@h/v" },
		{ "u:p@h", "u:***@h" },
		{ "nothing", "nothing" },
		{ "", "" },
		{ "https://h/a?page=2&access_token=abc&x=1",
		    "https://h/a?page=2&access_token=***&x=1" },
		{ "mysql://h/d?PASSWORD=abc", "mysql://h/d?PASSWORD=***" },
	};
	struct buf got = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&got);
		url_redact(&got, cases[i].in);
		assert_string_equal(buf_str(&got), cases[i].want);
	}
	buf_release(&got);
}

int
test_url(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(bad_urls_are_refused_without_their_password),
		cmocka_unit_test(a_password_that_is_cut_is_refused),
		cmocka_unit_test(a_query_may_have_one_parameter),
		cmocka_unit_test(only_loopback_is_loopback),
		cmocka_unit_test(redacted_urls_show_no_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
