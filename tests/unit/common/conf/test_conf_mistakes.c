/*
 * Tests of common/conf/conf.c: each mistake is reported with file and
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

/* The text case conf-mistakes of the sink has the mistakes that are text. */
static const struct {
	const char *text;
	size_t len;
	const char *why;
} mistakes[] = {
	{ "[sink]\nbatch = 5\0\n", 18,
	    "my.conf:2: the line has a NUL byte; is this a text file?" },
	{ "\xFF\xFE[\0s\0]\0\n\0", 10,
	    "my.conf:1: the file is UTF-16; write it as UTF-8" },
	{ "[sink]\n# \xff\n", 11, "my.conf:2: the line is not UTF-8" },
};

static void
each_mistake_names_file_and_line(void **state)
{
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(mistakes); i++) {
		assert_null(load_text(mistakes[i].text, mistakes[i].len, &why));
		assert_string_equal(buf_str(&why), mistakes[i].why);
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
