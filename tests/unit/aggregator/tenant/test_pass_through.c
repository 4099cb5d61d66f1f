/*
 * Tests of aggregator/tenant/pass_through: the field goes wherever it stands,
 * and nothing else does.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/tenant/pass_through.h"

#define REST                                                                   \
	"\"type\":\"message\",\"tenant\":\"t\",\"id\":\"1\",\"chat\":\"c\","   \
	"\"from\":\"bot\",\"at\":\"2026-11-20T10:00:00Z\""

static void
the_snapshot_is_left_out(void **state)
{
	static const char *const lines[][2] = {
		{ "{\"snapshot\":\"s1\"," REST "}", "{" REST "}" },
		{ "{" REST ",\"snapshot\":\"s1\"}", "{" REST "}" },
		{ "{\"kind\":\"x\",\"snapshot\":\"s1\"," REST "}",
		    "{\"kind\":\"x\"," REST "}" },
		{ "{ \"kind\" : \"x\" , \"snapshot\" : \"s1\" , " REST " }",
		    "{ \"kind\" : \"x\" ,  " REST " }" },
		{ "{ " REST " , \"snapshot\" : 17 }", "{ " REST " }" },
		{ "{\"user\":\"snapshot\",\"data\":{\"snapshot\":\"s2\"},"
		  "\"snapshot\":\"s1\"," REST
		  ",\"text\":\"\\\"snapshot\\\":\"}",
		    "{\"user\":\"snapshot\",\"data\":{\"snapshot\":\"s2\"}"
		    "," REST ",\"text\":\"\\\"snapshot\\\":\"}" },
		{ "{" REST "}", "{" REST "}" },
		/* In an unusual way: it stays as it is. */
		{ "{\"snapshot\":\"\\u0073\"," REST "}",
		    "{\"snapshot\":\"\\u0073\"," REST "}" },
	};
	struct flat f = FLAT_INIT;
	struct buf to = BUF_INIT, want = BUF_INIT, why = BUF_INIT;
	char padded[512];
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		memset(padded, 0, sizeof padded);
		memcpy(padded, lines[i][0], strlen(lines[i][0]));
		if (record_parse(&r, &f, padded, strlen(padded), &why) == -1)
			fail_msg("%s: %s", lines[i][0], buf_str(&why));
		pass_through_add(&to, &r, padded, strlen(padded));
		buf_addf(&want, "%s\n", lines[i][1]);
	}
	assert_string_equal(buf_str(&to), buf_str(&want));
	flat_release(&f);
	buf_release(&to);
	buf_release(&want);
	buf_release(&why);
}

static int
take_two(void *ctx, const char *line, size_t len)
{
	struct buf *b = ctx;

	buf_add(b, line, len);
	buf_addc(b, ';');
	return b->len < 4 ? 0 : -1;
}

static void
lines_are_given_until_one_is_refused(void **state)
{
	struct buf lines = BUF_INIT, got = BUF_INIT;

	(void)state;
	assert_int_equal(buf_each_line(&lines, take_two, &got), 0);
	buf_adds(&lines, "a\n");
	assert_int_equal(buf_each_line(&lines, take_two, &got), 0);
	buf_adds(&lines, "b\nc\n");
	buf_clear(&got);
	assert_int_equal(buf_each_line(&lines, take_two, &got), -1);
	assert_string_equal(buf_str(&got), "a;b;");
	buf_release(&lines);
	buf_release(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_snapshot_is_left_out),
		cmocka_unit_test(lines_are_given_until_one_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
