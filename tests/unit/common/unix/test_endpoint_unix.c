/*
 * Tests of endpoint_unix: both ends of unix:PATH in one process, in a folder of
 * their own; across programs and kills it is tested in tests/e2e.
 */
#include "tests/unit/tmpdir.h"

#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/endpoint_unix.h"
#include "common/os/stop.h"
#include "common/os/thread.h"
#include "common/unix/unix_socket.h"

/* Many times as many frames as may be unacknowledged. */
#define MANY 300

static struct conf *conf;

/* What a thread saw that looked at a socket while it was made. */
struct mode_seen {
	atomic_bool done, other;
};

static struct endpoint *
open_end(const char *name, bool writing)
{
	struct endpoint_options opt = {
		.conf = conf, .wait_forever = true, .takes_socket = true
	};
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

/* The next block of the reader is that. */
static void
expect_block(struct endpoint *in, const char *want)
{
	char *block;
	size_t len;

	assert_int_equal(
	    endpoint_read_block(in, &block, &len, 5000), ENDPOINT_RECORD);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(block, want, len);
}

static uint64_t
write_frame(struct endpoint *out, const char *line)
{
	uint64_t mark;

	assert_int_equal(endpoint_write(out, line, strlen(line)), 0);
	assert_true(endpoint_flush_begin(out, &mark));
	return mark;
}

static void
safe_when_acknowledged(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*out = open_end("unix:rows", true);
	uint64_t one, two;
	struct endpoint_mark mark;

	(void)state;
	one = write_frame(out, "one");
	two = write_frame(out, "two");
	expect_block(in, "one\n");
	mark = endpoint_mark(in);
	expect_block(in, "two\n");
	assert_string_equal(endpoint_where(in), "a row from unix:rows");
	assert_false(endpoint_flush_done(out, one));
	endpoint_ack_to(in, &mark);
	assert_true(endpoint_flush_done(out, one));
	assert_false(endpoint_flush_done(out, two));
	endpoint_ack(in);
	assert_true(endpoint_flush_done(out, two));
	assert_int_equal(endpoint_flush(out), OUTCOME_DONE);
	endpoint_close(out);
	endpoint_close(in);
	assert_int_equal(access("rows", F_OK), -1);
}

/* Each line is sent at once, until the reader is behind by a few frames; what
 * comes then gathers. */
static void
sends_gather(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*out = open_end("unix:rows", true);
	size_t i, sent = 0;

	(void)state;
	do {
		assert_int_equal(endpoint_write(out, "a", 1), 0);
		sent++;
	} while (!endpoint_send(out));
	assert_true(sent > 1 && sent < 64);
	assert_int_equal(endpoint_write(out, "b", 1), 0);
	for (i = 1; i < sent; i++)
		expect_block(in, "a\n");
	endpoint_ack(in);
	assert_false(endpoint_send(out));
	expect_block(in, "a\nb\n");
	endpoint_close(out);
	endpoint_close(in);
}

/* A reader that is gone: what it did not acknowledge comes again. */
static void
comes_again(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*out = open_end("unix:rows", true);
	uint64_t mark;

	(void)state;
	mark = write_frame(out, "one");
	expect_block(in, "one\n");
	endpoint_ack(in);
	assert_true(endpoint_flush_done(out, mark));
	(void)write_frame(out, "two");
	expect_block(in, "two\n");
	endpoint_close(in);
	assert_int_equal(endpoint_write(out, "three", 5), 0);
	assert_false(endpoint_flush_begin(out, &mark));
	assert_false(endpoint_is_up(out));

	in = open_end("unix:rows", false);
	while (endpoint_connect(out) != OUTCOME_DONE)
		continue;
	expect_block(in, "two\n");
	expect_block(in, "three\n");
	endpoint_ack(in);
	assert_true(endpoint_flush_done(out, mark));
	endpoint_close(out);
	endpoint_close(in);
}

/* Each writer hears of its own frames, also beside one that ended. */
static void
several_writers(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*first = open_end("unix:rows", true),
			*second = open_end("unix:rows", true),
			*third = open_end("unix:rows", true);
	uint64_t one, three;

	(void)state;
	one = write_frame(first, "one");
	expect_block(in, "one\n");
	(void)write_frame(second, "two");
	expect_block(in, "two\n");
	endpoint_close(second);
	three = write_frame(third, "three");
	expect_block(in, "three\n");
	assert_false(endpoint_flush_done(third, three));
	endpoint_ack(in);
	assert_true(endpoint_flush_done(first, one));
	assert_true(endpoint_flush_done(third, three));
	endpoint_close(first);
	endpoint_close(third);
	endpoint_close(in);
}

/* Lines of any length, acknowledged now and then. */
static void
many_and_long(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*out = open_end("unix:rows", true);
	char *line = xcalloc(1, UNIX_FRAME_BYTES + 2000), *block;
	size_t i, len, got = 0, sent = 0;
	uint64_t mark = 0;

	(void)state;
	memset(line, 'x', UNIX_FRAME_BYTES + 2000);
	for (i = 0; i < MANY; i++) {
		len = i * UNIX_FRAME_BYTES / MANY + (i + 1 == MANY ? 2000 : 1);
		assert_int_equal(endpoint_write(out, line, len), 0);
		sent += len + 1;
		assert_true(endpoint_flush_begin(out, &mark));
		while (got < sent) {
			assert_false(endpoint_flush_done(out, mark));
			if (endpoint_read_block(in, &block, &len, 10) ==
			    ENDPOINT_RECORD)
				got += len;
		}
		if (i % 10 == 9)
			endpoint_ack(in);
	}
	assert_true(endpoint_flush_done(out, mark));
	assert_int_equal(got, sent);
	free(line);
	endpoint_close(out);
	endpoint_close(in);
}

/* An acknowledgement for a writer that is gone leaves the block in hand. */
static void
keeps_the_block(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*out = open_end("unix:rows", true);
	struct endpoint_mark mark;
	char *block;
	size_t len;

	(void)state;
	(void)write_frame(out, "one");
	(void)write_frame(out, "two");
	expect_block(in, "one\n");
	mark = endpoint_mark(in);
	assert_int_equal(
	    endpoint_read_block(in, &block, &len, 5000), ENDPOINT_RECORD);
	endpoint_close(out);
	endpoint_ack_to(in, &mark);
	assert_memory_equal(block, "two\n", len);
	assert_string_equal(
	    endpoint_where_in(in, block), "a row from unix:rows");
	endpoint_ack(in);
	assert_int_equal(
	    endpoint_read_block(in, &block, &len, 0), ENDPOINT_WAIT);
	endpoint_close(in);
}

/* Takes all descriptors below the limit, until it is put back. */
static size_t
use_up_descriptors(int *fd, size_t n)
{
	size_t i = 0;

	while (i < n && (fd[i] = open("/dev/null", O_RDONLY)) >= 0)
		i++;
	assert_true(i < n);
	return i;
}

/* Without a descriptor for a new writer, reading still ends in time, and what
 * others write is read; the writer is accepted later. */
static void
out_of_descriptors(void **state)
{
	struct endpoint *in = open_end("unix:rows", false),
			*first = open_end("unix:rows", true),
			*out = open_end("unix:rows", true);
	int64_t began = clock_mono_ms();
	clock_t cpu;
	struct rlimit was, few;
	int fd[64];
	size_t i, len;
	char *block;

	(void)state;
	(void)write_frame(first, "zero");
	expect_block(in, "zero\n");
	(void)write_frame(out, "one");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = 50;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	i = use_up_descriptors(fd, 64);
	(void)alarm(20);
	cpu = clock();
	assert_int_equal(
	    endpoint_read_block(in, &block, &len, 300), ENDPOINT_WAIT);
	assert_true(clock_mono_ms() - began < 3000);
	assert_true(clock() - cpu < CLOCKS_PER_SEC / 10);
	(void)write_frame(first, "two");
	expect_block(in, "two\n");
	while (i > 0)
		(void)close(fd[--i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	expect_block(in, "one\n");
	(void)alarm(0);
	endpoint_close(out);
	endpoint_close(first);
	endpoint_close(in);
}

/* A reader whose socket was removed ends, so that it is started again, and
 * leaves the socket of the next one alone. */
static void
socket_was_removed(void **state)
{
	struct endpoint *in = open_end("unix:rows", false), *next;
	char *block;
	size_t len;
	int i;

	(void)state;
	assert_int_equal(
	    endpoint_read_block(in, &block, &len, 0), ENDPOINT_WAIT);
	assert_int_equal(unlink("rows"), 0);
	next = open_end("unix:rows", false);
	for (i = 0; i < 50; i++)
		if (endpoint_read_block(in, &block, &len, 100) ==
		    ENDPOINT_FAILED)
			break;
	assert_true(i < 50);
	assert_int_equal(endpoint_code(in), PROG_TEMPFAIL);
	assert_non_null(strstr(endpoint_why(in), "was removed"));
	endpoint_close(in);
	assert_int_equal(access("rows", F_OK), 0);
	endpoint_close(next);
	assert_int_equal(access("rows", F_OK), -1);
}

static void *
look_at_mode(void *ctx)
{
	struct mode_seen *seen = ctx;
	struct stat st;

	while (!atomic_load(&seen->done))
		if (lstat("./s", &st) == 0 && (st.st_mode & 0777) != 0660)
			atomic_store(&seen->other, true);
	return NULL;
}

/* A writer that comes in the moment when the socket is made is let in. */
static void
rights_from_the_start(void **unused)
{
	struct mode_seen seen = { false, false };
	struct unix_socket_id id;
	pthread_t looker;
	int i, fd;

	(void)unused;
	thread_must_start(&looker, "looker", look_at_mode, &seen);
	for (i = 0; i < 2000; i++) {
		fd = unix_socket_listen("./s", &id);
		assert_true(fd >= 0);
		unix_socket_remove("./s", &id);
		(void)close(fd);
	}
	atomic_store(&seen.done, true);
	(void)pthread_join(looker, NULL);
	assert_false(atomic_load(&seen.other));
}

/* Nobody has such an address, so nobody can be ended. */
static void
what_is_no_socket_is_kept(void **state)
{
	struct endpoint_options opt = { .conf = conf, .takes_socket = true };
	struct buf why = BUF_INIT;
	enum exit_code code;

	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_null(endpoint_open_read("unix:folder", &opt, &why, &code));
	assert_string_equal(buf_str(&why),
	    "cannot listen at 'unix:folder': File exists; choose another name");
	assert_int_equal(code, PROG_CANTCREATE);
	assert_int_equal(rmdir("folder"), 0);
	buf_release(&why);
}

static void
names_that_are_refused(void **state)
{
	struct endpoint_options opt = { .conf = conf, .takes_socket = true };
	struct endpoint *in = open_end("unix:rows", false);
	struct buf why = BUF_INIT;
	char name[200] = "unix:";
	enum exit_code code;

	(void)state;
	assert_null(endpoint_open_read("unix:rows", &opt, &why, &code));
	assert_non_null(strstr(buf_str(&why), "cannot listen at 'unix:rows'"));
	assert_null(endpoint_open_write("unix:", &opt, &why, &code));
	assert_int_equal(code, PROG_USAGE);
	memset(name + 5, 'a', sizeof name - 6);
	assert_null(endpoint_open_read(name, &opt, &why, &code));
	assert_int_equal(code, PROG_USAGE);
	opt.takes_socket = false;
	assert_null(endpoint_open_read("unix:other", &opt, &why, &code));
	assert_int_equal(code, PROG_USAGE);
	assert_non_null(strstr(buf_str(&why), "only sink reads"));
	buf_release(&why);
	endpoint_close(in);
}

/* Asked to stop, it does not wait for a reader that is not there. */
static void
stops_without_a_reader(void **state)
{
	struct endpoint *out = open_end("unix:rows", true);

	(void)state;
	assert_int_equal(endpoint_write(out, "one", 3), 0);
	stop_set(true);
	assert_int_equal(endpoint_flush(out), OUTCOME_LATER);
	stop_set(false);
	assert_non_null(strstr(endpoint_why(out), "nobody reads 'unix:rows'"));
	assert_int_equal(endpoint_code(out), PROG_TEMPFAIL);
	endpoint_close(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_when_acknowledged),
		cmocka_unit_test(sends_gather),
		cmocka_unit_test(comes_again),
		cmocka_unit_test(several_writers),
		cmocka_unit_test(many_and_long),
		cmocka_unit_test(keeps_the_block),
		cmocka_unit_test(out_of_descriptors),
		cmocka_unit_test(socket_was_removed),
		cmocka_unit_test(rights_from_the_start),
		cmocka_unit_test(what_is_no_socket_is_kept),
		cmocka_unit_test(names_that_are_refused),
		cmocka_unit_test(stops_without_a_reader),
	};
	struct buf why = BUF_INIT;
	int rc;

	conf = conf_load(NULL, &why);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	conf_free(conf);
	buf_release(&why);
	return rc;
}
