/*
 * Tests of common/conf/secret: what a file may contain, who may read it, and
 * that secrets are removed from the environment.
 */
#include "tests/unit/tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/base/prog.h"
#include "common/conf/secret.h"

static void
the_first_line_counts(void **state)
{
	static const struct {
		const char *name, *in;
		size_t len;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "plain", "abc", 3, "abc" },
		{ "newline", "abc\n", 4, "abc" },
		{ "CRLF", "abc\r\n", 5, "abc" },
		{ "trailing blanks", "abc \t\n", 6, "abc" },
		{ "blank inside", "a bc\n", 5, "a bc" },
		{ "second line", "abc\ndef\n", 8, "abc" },
		{ "empty", "", 0, NULL },
		{ "empty line", "\nabc\n", 5, NULL },
		{ "only blanks", "  \n", 3, NULL },
		{ "NUL", "ab\0c\n", 5, NULL },
		{ "only NUL", "\0", 1, NULL },
		{ "escape", "ab\033c\n", 5, NULL },
		{ "byte order mark",
		    "\xEF\xBB\xBF"
		    "abc\n",
		    7, "abc" },
		{ "only a byte order mark", "\xEF\xBB\xBF\n", 4, NULL },
		{ "carriage return inside", "ab\rX: y\n", 8, NULL },
	};
	struct buf why = BUF_INIT;
	char *got;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		tmpdir_file("token", cases[i].in, cases[i].len, 0600);
		buf_clear(&why);
		got = secret_from_file("token", &why);
		if ((got == NULL) != (cases[i].want == NULL))
			fail_msg("%s: %s", cases[i].name, buf_str(&why));
		if (got != NULL)
			assert_string_equal(got, cases[i].want);
		else
			assert_non_null(strstr(buf_str(&why), "'token'"));
		secret_free(got);
	}
	buf_release(&why);
}

static void
length_is_bounded(void **state)
{
	char big[SECRET_MAX + 300];
	struct buf why = BUF_INIT;
	char *got;

	(void)state;
	memset(big, 'a', sizeof big);
	tmpdir_file("token", big, SECRET_MAX, 0600);
	got = secret_from_file("token", &why);
	assert_non_null(got);
	assert_int_equal(strlen(got), SECRET_MAX);
	secret_free(got);
	tmpdir_file("token", big, SECRET_MAX + 1, 0600);
	assert_null(secret_from_file("token", &why));
	tmpdir_file("token", big, sizeof big, 0600);
	assert_null(secret_from_file("token", &why));
	assert_null(strstr(buf_str(&why), "aaa"));
	buf_release(&why);
}

static void
what_cannot_be_read_is_named(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	assert_null(secret_from_file("missing", &why));
	assert_non_null(strstr(buf_str(&why), "'missing': No such file"));
	assert_null(secret_from_file(".", &why));
	assert_non_null(strstr(buf_str(&why), "directory"));
	buf_release(&why);
}

/* A shell's process substitution makes such a pipe. Its writer may be slow, or
 * stay open. A pipe without a writer must not block. */
static void
a_pipe_may_hold_it(void **state)
{
	struct buf why = BUF_INIT;
	char *got, name[32];
	int fd[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)poll(NULL, 0, 20);
		_exit(write(fd[1], "from", 4) != 4 || poll(NULL, 0, 20) != 0 ||
		      write(fd[1], "pipe\nmore", 9) != 9);
	}
	got = secret_from_file(name, &why);
	assert_string_equal(got != NULL ? got : buf_str(&why), "frompipe");
	secret_free(got);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fd[0]);
	(void)close(fd[1]);

	(void)unlink("token");
	assert_int_equal(mkfifo("token", 0600), 0);
	assert_null(secret_from_file("token", &why));
	assert_non_null(strstr(buf_str(&why), "line of 'token' is empty"));
	(void)unlink("token");
	buf_release(&why);
}

static void
others_eyes_are_warned_of(void **state)
{
	static const struct {
		mode_t mode;
		bool warned;
	} cases[] = {
		{ 0600, false },
		{ 0400, false },
		{ 0640, false },
		{ 0660, true },
		{ 0604, true },
		{ 0644, true },
	};
	struct buf why = BUF_INIT;
	char text[512];
	size_t i;
	int saved;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		(void)unlink("token");
		tmpdir_file("token", "s3cret\n", 7, cases[i].mode);
		saved = tmpdir_catch_stderr();
		secret_free(secret_from_file("token", &why));
		tmpdir_stderr(saved, text, sizeof text);
		if ((strstr(text, "chmod 600") != NULL) != cases[i].warned)
			fail_msg("mode %o: %s", (unsigned)cases[i].mode, text);
		assert_null(strstr(text, "s3cret"));
	}
	buf_release(&why);
}

/* Only root can give a file away, and root may read every file. */
static void
a_foreign_owner_is_warned_of(void **state)
{
	static const struct {
		uid_t owner, ours;
		bool warned;
	} cases[] = {
		{ 65533, 65534, true },
		{ 65534, 65534, false },
		{ 0, 65534, false },
		{ 65533, 0, false },
	};
	char text[512];
	size_t i;
	int saved, fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		tmpdir_file("token", "s3cret\n", 7, 0600);
		assert_int_equal(chown("token", cases[i].owner, (gid_t)-1), 0);
		fd = open("token", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		saved = tmpdir_catch_stderr();
		assert_int_equal(seteuid(cases[i].ours), 0);
		secret_warn_if_open(fd, "token");
		assert_int_equal(seteuid(0), 0);
		tmpdir_stderr(saved, text, sizeof text);
		if ((strstr(
			 text, "secret file 'token' belongs to another user") !=
			NULL) != cases[i].warned)
			fail_msg("case %zu: %s", i, text);
		(void)close(fd);
		(void)unlink("token");
	}
}

static void
the_environment_forgets(void **state)
{
	char *got, *kept;

	(void)state;
	assert_int_equal(setenv("UNIT_TOKEN", "tok", 1), 0);
	kept = getenv("UNIT_TOKEN");
	got = secret_from_env("UNIT_TOKEN");
	assert_string_equal(got, "tok");
	assert_null(getenv("UNIT_TOKEN"));
	assert_int_equal(kept[0], '\0');
	assert_null(secret_from_env("UNIT_TOKEN"));
	assert_int_equal(setenv("UNIT_TOKEN", "", 1), 0);
	assert_null(secret_from_env("UNIT_TOKEN"));
	assert_null(getenv("UNIT_TOKEN"));
	secret_free(got);
	secret_free(NULL);
}

static void
it_is_named_or_stands_there_but_not_both(void **state)
{
	static const struct {
		const char *plain, *file, *want, *why;
		int err;
	} cases[] = {
		{ "abc", NULL, "abc", "", 0 },
		{ NULL, "named", "def", "", 0 },
		{ NULL, NULL, NULL, "", 0 },
		{ "abc", "named", NULL,
		    "[crm a] has both key and key_file; remove one", 0 },
		{ "abc", "missing", NULL,
		    "[crm a] has both key and key_file; remove one", 0 },
		{ NULL, "missing", NULL,
		    "key_file of [crm a]: cannot read 'missing': No such file "
		    "or directory; check its name, and that its folder exists",
		    ENOENT },
	};
	struct buf why = BUF_INIT;
	char *secret;
	size_t i;

	(void)state;
	tmpdir_file("named", "def\n", 4, 0600);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&why, "what was said before");
		secret = secret_choose(
		    "crm a", "key", cases[i].plain, cases[i].file, &why);
		assert_int_equal(errno, cases[i].err);
		assert_string_equal(buf_str(&why), cases[i].why);
		assert_int_equal(secret != NULL, cases[i].want != NULL);
		if (secret != NULL)
			assert_string_equal(secret, cases[i].want);
		secret_free(secret);
	}
	buf_release(&why);
}

static void
it_is_concealed(void **state)
{
	static const struct {
		const char *text, *secret, *want;
	} cases[] = {
		{ "no token", "0123456789", "no token" },
		{ "0123456789", "0123456789", "***" },
		{ "Token 0123456789 is bad", "0123456789", "Token *** is bad" },
		{ "0123456789, 01234567890123456789", "0123456789",
		    "***, ******" },
		{ "a short token", "token", "a short token" },
		{ "no secret", NULL, "no secret" },
		{ "no secret", "", "no secret" },
		{ "", "0123456789", "" },
	};
	struct buf text = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&text, "%s", cases[i].text);
		secret_conceal(&text, cases[i].secret);
		assert_string_equal(buf_str(&text), cases[i].want);
	}
	buf_release(&text);
}

int
test_secret(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_counts),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(a_pipe_may_hold_it),
		cmocka_unit_test(others_eyes_are_warned_of),
		cmocka_unit_test(a_foreign_owner_is_warned_of),
		cmocka_unit_test(the_environment_forgets),
		cmocka_unit_test(it_is_concealed),
		cmocka_unit_test(it_is_named_or_stands_there_but_not_both),
	};

	prog_init("test_secret");
	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
