/*
 * Tests of common/endpoint for files, pipes and names; queues are tested
 * against a broker, in tests/e2e.
 */
#include "tests/unit/tmpdir.h"

#include <signal.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint_kind.h"
#include "common/os/stop.h"

static const struct {
	const char *name;
	bool writing;
	enum exit_code code;
	const char *why;
} refused[] = {
	{ "", false, PROG_USAGE, "'' is no endpoint" },
	{ "queu:rows", false, PROG_USAGE, "'queu:rows' is no endpoint" },
	{ "queue:", false, PROG_USAGE,
	    "'queue:' lacks the name of the queue; write queue:NAME" },
	{ "exchange:", true, PROG_USAGE,
	    "'exchange:' lacks the name of the exchange; write "
	    "exchange:NAME" },
	{ "queue:a/b", true, PROG_USAGE, "'queue:a/b' names no queue" },
	{ "exchange:a/b", true, PROG_USAGE,
	    "'exchange:a/b' names no exchange" },
	{ "exchange:rows", false, PROG_USAGE,
	    "'exchange:rows' can be written to only" },
	{ "queue:rows", true, PROG_CONFIG, "set [amqp] url or AMQP_URL" },
	{ "missing", false, PROG_NOINPUT,
	    "cannot open 'missing': No such file or directory; check its "
	    "name" },
	{ "missing/file", true, PROG_CANTCREATE,
	    "cannot create 'missing/file': No such file or directory; check "
	    "its name, and that its folder is there" },
	{ ".", true, PROG_CANTCREATE, "cannot create '.': Is a directory" },
};

static void
says_what_is_wrong(void **state)
{
	struct endpoint_options opt = { 0 };
	enum exit_code code;
	struct endpoint *e;
	struct buf why = BUF_INIT;
	struct conf *conf;
	size_t i;

	(void)state;
	unsetenv("AMQP_URL");
	unsetenv("MESSAGING_CONFIG");
	conf = conf_load(NULL, &why);
	assert_non_null(conf);
	opt.conf = conf;
	for (i = 0; i < ARRAY_LEN(refused); i++) {
		code = PROG_OK;
		e = refused[i].writing ? endpoint_open_write(
					     refused[i].name, &opt, &why, &code)
				       : endpoint_open_read(refused[i].name,
					     &opt, &why, &code);
		assert_null(e);
		if (code != refused[i].code ||
		    strstr(buf_str(&why), refused[i].why) == NULL)
			fail_msg("%s: %d, %s", refused[i].name, (int)code,
			    buf_str(&why));
	}
	conf_free(conf);
	buf_release(&why);
}

static void
a_url_with_unknown_parts_is_refused(void **state)
{
	struct endpoint_options opt = { 0 };
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct conf *conf;

	(void)state;
	assert_int_equal(
	    setenv("AMQP_URL", "amqp://u:canary@localhost/v?heartbeat=3", 1),
	    0);
	conf = conf_load(NULL, &why);
	assert_non_null(conf);
	opt.conf = conf;
	assert_null(endpoint_open_write("queue:rows", &opt, &why, &code));
	assert_int_equal(code, PROG_CONFIG);
	assert_non_null(strstr(buf_str(&why), "'heartbeat' behind the '?'"));
	assert_null(strstr(buf_str(&why), "canary"));
	unsetenv("AMQP_URL");
	conf_free(conf);
	buf_release(&why);
}

static struct endpoint *
open_file(const char *name, bool writing)
{
	struct endpoint_options opt = { .max_line = 10 };
	enum exit_code code;
	struct buf why = BUF_INIT;
	struct endpoint *e;

	e = writing ? endpoint_open_write(name, &opt, &why, &code)
		    : endpoint_open_read(name, &opt, &why, &code);
	if (e == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return e;
}

static void
file_there_and_back(void **state)
{
	struct endpoint *e = open_file("day", true);
	struct stat st;
	char *line;
	size_t len;
	struct endpoint_delivery d;

	(void)state;
	assert_int_equal(endpoint_write(e, "one", 3), 0);
	assert_int_equal(endpoint_write(e, "", 0), 0);
	assert_int_equal(endpoint_write(e, "three", 5), 0);
	assert_int_equal(endpoint_flush(e), OUTCOME_DONE);
	endpoint_pump(e);
	endpoint_close(e);
	assert_int_equal(stat("day", &st), 0);
	assert_int_equal(st.st_size, 11);
	assert_int_equal(st.st_mode & 0777, 0600);

	e = open_file("day", false);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_RECORD);
	assert_string_equal(line, "one");
	assert_string_equal(endpoint_where(e), "line 1");
	assert_false(endpoint_delivery(e, &d));
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_RECORD);
	assert_int_equal(len, 0);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_RECORD);
	assert_string_equal(line, "three");
	endpoint_ack(e);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_END);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_END);
	endpoint_close(e);
}

/* What a file holds after something was written to it as daemons do, newlines
 * as '|'. */
static const char *
appended(const char *line)
{
	struct endpoint_options opt = { .append = true };
	struct endpoint *e;
	enum exit_code code;
	struct buf why = BUF_INIT;
	static char text[64];
	char *p = text;
	FILE *f;

	e = endpoint_open_write("log", &opt, &why, &code);
	if (e == NULL)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(endpoint_write(e, line, strlen(line)), 0);
	assert_int_equal(endpoint_flush(e), OUTCOME_DONE);
	/* It is ours alone. */
	assert_null(endpoint_open_write("log", &opt, &why, &code));
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(buf_str(&why), "'log' is being written"));
	endpoint_close(e);
	buf_release(&why);
	f = fopen("log", "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	(void)fclose(f);
	while ((p = strchr(p, '\n')) != NULL)
		*p = '|';
	return text;
}

static void
a_file_goes_on_where_it_ended(void **state)
{
	static char long_one[10000];

	(void)state;
	assert_string_equal(appended("one"), "one|");
	assert_string_equal(appended("two"), "one|two|");
	tmpdir_file("log", "one\ntw", 6, 0600);
	assert_string_equal(appended("three"), "one|three|");
	tmpdir_file("log", "on", 2, 0600);
	assert_string_equal(appended("one"), "one|");
	memset(long_one, 'x', sizeof long_one);
	long_one[1] = '\n';
	tmpdir_file("log", long_one, sizeof long_one, 0600);
	assert_string_equal(appended("two"), "x|two|");
}

static void
odd_files(void **state)
{
	struct endpoint *e;
	char *line;
	size_t len;

	(void)state;
	tmpdir_file("odd", "12345678901\nab", 14, 0600);
	e = open_file("odd", false);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_TOOLONG);
	assert_string_equal(endpoint_where(e), "line 1");
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_CUT);
	endpoint_close(e);

	e = open_file(".", false);
	assert_int_equal(endpoint_read(e, &line, &len, 0), ENDPOINT_FAILED);
	assert_string_equal(endpoint_why(e),
	    "cannot read .: Is a directory; name a file, not a folder");
	assert_int_equal(endpoint_code(e), PROG_IO);
	endpoint_close(e);
}

static void
blocks_tell_where_a_line_is(void **state)
{
	struct endpoint *e;
	char *block;
	size_t len;

	(void)state;
	tmpdir_file("blocks", "one\ntwo\n12345678901\nthree\n", 26, 0600);
	e = open_file("blocks", false);
	assert_int_equal(
	    endpoint_read_block(e, &block, &len, 0), ENDPOINT_RECORD);
	assert_int_equal(len, 8);
	assert_memory_equal(block, "one\ntwo\n", 8);
	assert_string_equal(endpoint_where_in(e, block), "line 1");
	assert_string_equal(endpoint_where_in(e, block + 4), "line 2");
	assert_int_equal(
	    endpoint_read_block(e, &block, &len, 0), ENDPOINT_TOOLONG);
	assert_string_equal(endpoint_where_in(e, NULL), "line 3");
	assert_int_equal(
	    endpoint_read_block(e, &block, &len, 0), ENDPOINT_RECORD);
	assert_memory_equal(block, "three\n", 6);
	assert_string_equal(endpoint_where_in(e, block), "line 4");
	assert_int_equal(endpoint_read_block(e, &block, &len, 0), ENDPOINT_END);
	endpoint_close(e);
}

static void
full_disk(void **state)
{
	struct endpoint *e = open_file("/dev/full", true);

	(void)state;
	assert_int_equal(endpoint_write(e, "one", 3), 0);
	assert_int_equal(endpoint_flush(e), OUTCOME_NEVER);
	assert_int_equal(endpoint_code(e), PROG_IO);
	assert_string_equal(endpoint_why(e),
	    "cannot write /dev/full: No space left on device; make room");
	assert_int_equal(endpoint_write(e, "two", 3), -1);
	endpoint_close(e);
}

/* Standard output becomes a pipe; returns its other end. */
static int
pipe_stdout(int *saved)
{
	int fd[2];

	*saved = dup(STDOUT_FILENO);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[1], STDOUT_FILENO), STDOUT_FILENO);
	close(fd[1]);
	return fd[0];
}

static void
restore_stdout(int saved)
{
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
}

static void
pipe_nobody_reads(void **state)
{
	int saved, fd = pipe_stdout(&saved);
	struct endpoint *e = open_file("-", true);

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	close(fd);
	assert_int_equal(endpoint_write(e, "one", 3), 0);
	assert_int_equal(endpoint_flush(e), OUTCOME_NEVER);
	assert_int_equal(endpoint_code(e), PROG_OK);
	restore_stdout(saved);
	endpoint_close(e);
}

/* All waits after a signal together end before the process is ended. */
static void
waits_end_with_the_process(void **state)
{
	const struct endpoint_timeout p = { .for_ever = true };

	(void)state;
	assert_int_equal(stop_left_ms(), INT64_MAX);
	assert_int_equal(endpoint_timeout_ms(&p, true, false), -1);
	stop_set(true);
	assert_in_range(stop_left_ms(), 1, 1000 * STOP_WITHIN_S);
	assert_in_range(
	    endpoint_timeout_ms(&p, true, false), 0, 1000 * STOP_WITHIN_S - 1);
	assert_int_equal(endpoint_timeout_ms(&p, false, false), 0);
	stop_set(false);
}

/* A reader that has stopped reading does not keep us from stopping. */
static void
pipe_full_and_asked_to_stop(void **state)
{
	int saved, fd = pipe_stdout(&saved), i, rc = 0;
	struct endpoint *e = open_file("-", true);
	char line[1024];

	(void)state;
	memset(line, 'x', sizeof line);
	stop_set(true);
	for (i = 0; i < 1000 && rc == 0; i++)
		rc = endpoint_write(e, line, sizeof line);
	stop_set(false);
	restore_stdout(saved);
	assert_int_equal(rc, -1);
	assert_int_equal(endpoint_code(e), PROG_OK);
	close(fd);
	endpoint_close(e);
}

static void
a_name_says_what_it_is_of(void **state)
{
	static const struct {
		const char *name, *of;
		bool queue, exchange;
	} names[] = {
		{ "queue:rows", "rows", true, false },
		{ "exchange:rows", "rows", false, true },
		{ "queue:a:b", "a:b", true, false },
		{ "queue:", "", true, false },
		{ "queue", NULL, false, false },
		{ "./queue:rows", NULL, false, false },
		{ "-", NULL, false, false },
		{ "", NULL, false, false },
	};
	const char *of;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		of = endpoint_amqp_name(names[i].name);
		assert_int_equal(of != NULL, names[i].of != NULL);
		if (of != NULL)
			assert_string_equal(of, names[i].of);
		assert_int_equal(
		    endpoint_is_queue(names[i].name), names[i].queue);
		assert_int_equal(
		    endpoint_is_exchange(names[i].name), names[i].exchange);
	}
}

/* Nobody writes it yet: a request to stop ends the wait as it ends a read. */
static void
a_pipe_is_waited_for(void **state)
{
	struct endpoint_options opt = { 0 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct endpoint *e;
	char *line;
	size_t len;
	int fd;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	e = endpoint_open_read("fifo", &opt, &why, &code);
	assert_non_null(e);
	assert_int_equal(endpoint_read(e, &line, &len, 1), ENDPOINT_WAIT);
	stop_set(true);
	assert_int_equal(endpoint_read(e, &line, &len, -1), ENDPOINT_WAIT);
	stop_set(false);
	fd = open("fifo", O_WRONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x\n", 2), 2);
	assert_int_equal(endpoint_read(e, &line, &len, -1), ENDPOINT_RECORD);
	assert_int_equal(endpoint_read(e, &line, &len, 1), ENDPOINT_WAIT);
	(void)close(fd);
	assert_int_equal(endpoint_read(e, &line, &len, -1), ENDPOINT_END);
	endpoint_close(e);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_says_what_it_is_of),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(a_url_with_unknown_parts_is_refused),
		cmocka_unit_test(file_there_and_back),
		cmocka_unit_test(a_file_goes_on_where_it_ended),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(blocks_tell_where_a_line_is),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(pipe_nobody_reads),
		cmocka_unit_test(a_pipe_is_waited_for),
		cmocka_unit_test(waits_end_with_the_process),
		cmocka_unit_test(pipe_full_and_asked_to_stop),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
