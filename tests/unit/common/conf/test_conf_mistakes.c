/*
 * Tests of common/conf and common/ini: each mistake is reported with file and
 * line, hostile files are bounded, and no message shows a secret.
 */
#include "tests/unit/tmpdir.h"

#include <errno.h>

#include "common/base/prog.h"
#include "common/conf/conf.h"

static struct conf *
load_text(const char *text, size_t len, struct buf *why)
{
	tmpdir_file("my.conf", text, len, 0600);
	buf_clear(why);
	return conf_load("my.conf", why);
}

struct mistake {
	const char *text;
	size_t len; /* 0: strlen */
	const char *why;
};

static const struct mistake mistakes[] = {
	{ "[crm acme]\ntokn = x\n", 0,
	    "my.conf:2: unknown key 'tokn' in [crm acme]; see "
	    "messaging.conf(5)" },
	{ "[sink]\nbatchage = 1s\n", 0,
	    "my.conf:2: unknown key 'batchage' in [sink]; see "
	    "messaging.conf(5)" },
	{ "[amqp]\ntoken = x\n", 0,
	    "my.conf:2: 'token' belongs in [crm NAME], not [amqp]" },
	{ "[pollr]\n", 0,
	    "my.conf:1: unknown section [pollr]; see messaging.conf(5)" },
	{ "[cmr acme]\n", 0,
	    "my.conf:1: unknown section [cmr acme]; see messaging.conf(5)" },
	{ "[SINK]\n", 0,
	    "my.conf:1: unknown section [SINK]; see messaging.conf(5)" },
	{ "[crm]\ntoken = x\n", 0,
	    "my.conf:1: [crm NAME] needs a name of up to 64 letters, digits, "
	    "'_', '.', '-'" },
	{ "[crm ../x]\n", 0,
	    "my.conf:1: [crm NAME] needs a name of up to 64 letters, digits, "
	    "'_', '.', '-'" },
	{ "batch = 5\n", 0,
	    "my.conf:1: 'batch' comes before the first [section]" },
	{ "[sink]\nbatch = 5\n\nbatch = 6\n", 0,
	    "my.conf:4: 'batch' is already set in line 2" },
	{ "[sink]\n[amqp]\n[sink]\n", 0,
	    "my.conf:3: [sink] is already in line 1" },
	{ "[crm a]\n[crm  a]\n", 0, "my.conf:2: [crm a] is already in line 1" },
	{ "[sink]\nbatch = 0\n", 0,
	    "my.conf:2: batch = 0 is not between 1 and 100000" },
	{ "[listen]\nmax_body = 1\n", 0,
	    "my.conf:2: max_body = 1 is not between 1k and 256M" },
	{ "[sink]\nbatch = many\n", 0,
	    "my.conf:2: batch = many is not a whole number" },
	{ "[sink]\nbatch = 99999999999999999999\n", 0,
	    "my.conf:2: batch = 99999999999999999999 is not a whole number" },
	{ "[sink]\nbatch_age = 5q\n", 0,
	    "my.conf:2: batch_age = 5q is not a duration such as 250ms, 30s, "
	    "10m or 7d" },
	{ "[sink]\nbatch_age = 1h\n", 0,
	    "my.conf:2: batch_age = 1h is not between 1ms and 1m" },
	{ "[crm a]\nmax_body = lots\n", 0,
	    "my.conf:2: max_body = lots is not a size such as 4096, 64k or "
	    "16M" },
	{ "[crm a]\ncustomers = maybe\n", 0,
	    "my.conf:2: customers = maybe is not yes or no" },
	{ "[crm a]\nhistory = some\n", 0,
	    "my.conf:2: history = some is not one of episode|all" },
	{ "[crm a]\nhistory = epi\n", 0,
	    "my.conf:2: history = epi is not one of episode|all" },
	{ "[crm a]\ntoken =\n", 0, "my.conf:2: 'token' has no value" },
	{ "[aggregator]\ndefinition = \"ours\"\n", 0,
	    "my.conf:2: write values without quotes" },
	{ "[sink]\nbatch = 5 # rows\n", 0,
	    "my.conf:2: a comment needs a line of its own" },
	{ "[sink]\nbatch = 5 ; rows\n", 0,
	    "my.conf:2: a comment needs a line of its own" },
	{ "[sink]\nbatch\n", 0,
	    "my.conf:2: expected 'key = value', '[section]' or a comment" },
	{ "[sink]\n= 5\n", 0, "my.conf:2: there is no key before the '='" },
	{ "[sink\n", 0,
	    "my.conf:1: write a section as [name], on a line of its own" },
	{ "[sink] batch = 5\n", 0,
	    "my.conf:1: write a section as [name], on a line of its own" },
	{ "[a]b]\n", 0,
	    "my.conf:1: write a section as [name], on a line of its own" },
	{ "[", 0,
	    "my.conf:1: write a section as [name], on a line of its own" },
	{ "[sink]\nbatch = 5\0\n", 18,
	    "my.conf:2: the line has a NUL byte; is this a text file?" },
	{ "\xFF\xFE[\0s\0]\0\n\0", 10,
	    "my.conf:1: the file is UTF-16; write it as UTF-8" },
	{ "[sink]\n# \xff\n", 0, "my.conf:2: the line is not UTF-8" },
	{ "[crm a]\ntoken = a\033b\n", 0,
	    "my.conf:2: the value has a control character" },
};

static void
each_mistake_names_file_and_line(void **state)
{
	struct buf why = BUF_INIT;
	const struct mistake *m;
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(mistakes); i++) {
		m = &mistakes[i];
		c = load_text(
		    m->text, m->len > 0 ? m->len : strlen(m->text), &why);
		if (c != NULL || strcmp(buf_str(&why), m->why) != 0)
			fail_msg("'%s': '%s', not '%s'", m->text, buf_str(&why),
			    m->why);
	}
	buf_release(&why);
}

static void
lines_and_files_are_bounded(void **state)
{
	size_t len = 1024 * 1024 + 8;
	char *big = xmalloc(len);
	struct buf why = BUF_INIT;

	(void)state;
	memset(big, 'a', len);
	memcpy(big, "[sink]\n", 7);
	assert_null(load_text(big, 1024 * 1024, &why));
	assert_string_equal(
	    buf_str(&why), "my.conf:2: the line is longer than 16384 bytes");
	assert_null(load_text(big, len, &why));
	assert_string_equal(buf_str(&why),
	    "'my.conf' is too large for a configuration; is it "
	    "the right file?");
	assert_int_equal(errno, 0);
	memset(big, '\n', len);
	conf_free(load_text(big, 1024 * 1024, &why));
	memset(big, '[', len);
	assert_null(load_text(big, 1000, &why));
	memcpy(big, "[sink]\n", 7);
	memset(big + 7, 'k', 16000);
	memcpy(big + 16000, "=1\n", 3);
	assert_null(load_text(big, 16003, &why));
	assert_non_null(strstr(buf_str(&why), "my.conf:2: unknown key 'kkk"));
	free(big);
	buf_release(&why);
}

static void
secrets_are_not_in_messages(void **state)
{
	static const char *const cases[] = {
		"[crm a]\ntoken = SECRET # mine\n",
		"[crm a]\ntoken = \"SECRET\"\n",
		"[crm a]\ntoken = SECRET\ntoken = SECRET\n",
		"[amqp]\nurl = SECRET\001\n",
		"[mysql]\nurl = SECRET\n[bad]\n",
	};
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(load_text(cases[i], strlen(cases[i]), &why));
		assert_null(strstr(buf_str(&why), "SECRET"));
	}
	buf_release(&why);
}

int
test_conf_mistakes(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_names_file_and_line),
		cmocka_unit_test(lines_and_files_are_bounded),
		cmocka_unit_test(secrets_are_not_in_messages),
	};

	prog_init("test_conf_mistakes");
	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
