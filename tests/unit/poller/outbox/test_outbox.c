/*
 * Test of outbox.h: requests are answered when their records are safe: in a
 * file, in the backlog while a broker is away, and not at all when there is
 * neither. (With a broker: tests/e2e/listen.t.)
 */
#include "tests/unit/tmpdir.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/os/stop.h"
#include "poller/outbox/outbox.h"
#include "poller/outbox/spool_line.h"

#define MANY 500
/* A generous bound for what takes milliseconds. */
#define PATIENT_MS 20000
/* Nobody listens there. */
#define NOWHERE "amqp://u:p@127.0.0.1:1/v"

struct request {
	struct pending_request request; /* first */
	struct buf records, dead;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned answered, safe;
static struct request requests[MANY];
static struct outbox_counts counts;

static void
done(struct pending_request *p, bool is_safe)
{
	(void)p;
	(void)pthread_mutex_lock(&lock);
	answered++;
	safe += is_safe;
	(void)pthread_mutex_unlock(&lock);
}

static void
wait_for(unsigned n)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int64_t end = clock_mono_ms() + PATIENT_MS;
	unsigned now;

	do {
		(void)nanosleep(&moment, NULL);
		(void)pthread_mutex_lock(&lock);
		now = answered;
		(void)pthread_mutex_unlock(&lock);
	} while (now < n && clock_mono_ms() < end);
	assert_int_equal(now, n);
}

static void
put(struct outbox *o, unsigned i, const char *dead)
{
	struct request *r = &requests[i];

	buf_clear(&r->records);
	buf_clear(&r->dead);
	buf_addf(&r->records, "{\"n\":%u}\n", i);
	buf_adds(&r->dead, dead);
	r->request = (struct pending_request){
		.records = &r->records,
		.dead = &r->dead,
		.done = done,
		.n = 1,
	};
	outbox_put(o, &r->request);
}

static struct spool *
open_backlog(uint64_t max)
{
	enum exit_code code;
	struct spool *b =
	    spool_open("state/spool", &spool_spool, max, &code, NULL);

	assert_non_null(b);
	return b;
}

static struct outbox *
open_to(const char *to, const struct conf *conf, struct spool *b,
    enum exit_code *code, struct buf *why)
{
	const struct outbox_options opt = {
		.to = to,
		.conf = conf,
		.spool = b,
		.dead_letter_files =
		    b != NULL ? dead_letter_files_open("dead", DAY_MS) : NULL,
		.counts = &counts,
		/* A file confirms, however busy the machine is. */
		.wait_timeout_ms = conf == NULL ? PATIENT_MS : 200,
	};

	answered = safe = 0;
	return outbox_open(&opt, code, why);
}

static struct outbox *
must_open(const char *to, const struct conf *conf, struct spool *b)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct outbox *o = open_to(to, conf, b, &code, &why);

	if (o == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return o;
}

static struct conf *
broker_away(void)
{
	struct conf *c;

	assert_int_equal(setenv("AMQP_URL", NOWHERE, 1), 0);
	c = conf_load(NULL, NULL);
	assert_non_null(c);
	return c;
}

static void
read_file(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf_clear(to);
	assert_true(fd >= 0);
	while ((n = read(fd, buf_room(to, 4096), 4096)) > 0)
		buf_grown(to, (size_t)n);
	(void)close(fd);
}

/* The file has lines 0 to n-1, in this order. */
static void
assert_lines(const char *path, unsigned n)
{
	struct buf all = BUF_INIT, want = BUF_INIT;
	unsigned i;

	for (i = 0; i < n; i++)
		buf_addf(&want, "{\"n\":%u}\n", i);
	read_file(path, &all);
	assert_string_equal(buf_str(&all), buf_str(&want));
	buf_release(&all);
	buf_release(&want);
}

/* The same of a spool's file. */
static void
assert_kept(const char *path, unsigned n)
{
	struct buf all = BUF_INIT, want = BUF_INIT;
	char record[32];
	unsigned i;

	for (i = 0; i < n; i++) {
		int len = snprintf(record, sizeof record, "{\"n\":%u}", i);

		spool_line_put(&want, i + 1, record, (size_t)len);
	}
	read_file(path, &all);
	assert_string_equal(buf_str(&all), buf_str(&want));
	buf_release(&all);
	buf_release(&want);
}

static void
a_file_has_what_was_answered(void **state)
{
	struct outbox *o = must_open("out", NULL, NULL);
	enum exit_code code;
	unsigned i;

	(void)state;
	for (i = 0; i < MANY; i++)
		put(o, i, "");
	wait_for(MANY);
	assert_int_equal(safe, MANY);
	assert_false(outbox_has_ended(o, &code));
	/* Before it is closed: safe means now. */
	assert_lines("out", MANY);
	outbox_close(o);
}

static void
a_full_disk_ends_it(void **state)
{
	struct outbox *o = must_open("/dev/full", NULL, NULL);
	enum exit_code code = PROG_OK;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++)
		put(o, i, "");
	wait_for(3);
	assert_int_equal(safe, 0);
	for (i = 0; i < 10000 && !outbox_has_ended(o, &code); i++)
		(void)stop_sleep(2);
	assert_true(outbox_has_ended(o, &code));
	assert_int_equal(code, PROG_IO);
	put(o, 3, "");
	wait_for(4);
	assert_int_equal(safe, 0);
	outbox_close(o);
}

static void
without_a_broker_it_is_kept_and_later_published(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, open_backlog(1 << 20));
	unsigned i;

	(void)state;
	for (i = 0; i < MANY; i++)
		put(o, i, "");
	wait_for(MANY);
	assert_int_equal(safe, MANY);
	assert_int_equal(atomic_load(&counts.spooled), MANY);
	outbox_close(o);
	assert_kept("state/spool/0000000001.ndjson", MANY);

	/* Somebody else takes them. */
	o = must_open("out", NULL, open_backlog(1 << 20));
	put(o, MANY - 1, "");
	wait_for(1);
	for (i = 0; i < 10000 && atomic_load(&counts.drained) < MANY; i++)
		(void)stop_sleep(2);
	outbox_close(o);
	assert_in_range(atomic_load(&counts.drained), MANY, MANY + 1);
	assert_int_not_equal(access("state/spool/0000000001.ndjson", F_OK), 0);
	{
		struct buf all = BUF_INIT, first = BUF_INIT;

		read_file("out", &all);
		for (i = 0; i < MANY; i++)
			buf_addf(&first, "{\"n\":%u}\n", i);
		assert_true(all.len > first.len);
		assert_memory_equal(all.data, first.data, first.len);
		buf_release(&all);
		buf_release(&first);
	}
	conf_free(c);
}

static void
a_full_backlog_refuses_and_keeps_what_it_has(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, open_backlog(100));
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		put(o, i, "");
		wait_for(i + 1);
	}
	assert_int_equal(safe, 2);
	outbox_close(o);
	assert_kept("state/spool/0000000001.ndjson", 2);
	conf_free(c);
}

/* It is told before the request is answered, though what was kept before it was
 * told only just now. */
static void
a_refusal_is_told_at_once(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, open_backlog(50));
	char text[4096];
	int saved = tmpdir_catch_stderr();

	(void)state;
	put(o, 0, "");
	wait_for(1);
	put(o, 1, "");
	wait_for(2);
	tmpdir_stderr(saved, text, sizeof text);
	assert_int_equal(safe, 1);
	assert_non_null(strstr(text, "what comes is kept in 'state/spool'\n"));
	assert_non_null(strstr(text, "'state/spool' is full"));
	outbox_close(o);
	conf_free(c);
}

static void
without_broker_and_backlog_it_is_refused(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, NULL);
	enum exit_code code;
	unsigned i;

	(void)state;
	for (i = 0; i < 10; i++)
		put(o, i, "");
	wait_for(10);
	assert_int_equal(safe, 0);
	assert_false(outbox_has_ended(o, &code));
	outbox_close(o);
	conf_free(c);
}

/* In a moment. */
static void
looks_like(struct outbox *o, bool confirms, bool keeps, uint64_t waiting)
{
	int64_t end = clock_mono_ms() + PATIENT_MS;
	struct outbox_view v;

	do {
		outbox_look(o, &v);
	} while ((v.confirms != confirms || v.keeps != keeps ||
		     v.waiting != waiting) &&
		 clock_mono_ms() < end && !stop_sleep(1));
	assert_int_equal(v.confirms, confirms);
	assert_int_equal(v.keeps, keeps);
	assert_int_equal(v.waiting, waiting);
}

/* With and without a broker, with and without room in the backlog; of what an
 * earlier run left, too. */
static void
how_it_is_can_be_seen(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("out", NULL, NULL);
	unsigned i;

	(void)state;
	looks_like(o, true, false, 0);
	outbox_close(o);
	o = must_open("queue:q", c, NULL);
	looks_like(o, false, false, 0);
	outbox_close(o);
	o = must_open("queue:q", c, open_backlog(100));
	looks_like(o, false, true, 0);
	for (i = 0; i < 2; i++)
		put(o, i, "");
	wait_for(2);
	looks_like(o, false, true, 2);
	put(o, 2, "");
	wait_for(3);
	looks_like(o, false, false, 2);
	outbox_close(o);
	o = must_open("queue:q", c, open_backlog(1 << 20));
	looks_like(o, false, true, 2);
	outbox_close(o);
	o = must_open("out", NULL, open_backlog(1 << 20));
	put(o, 0, "");
	wait_for(1);
	looks_like(o, true, true, 0);
	outbox_close(o);
	conf_free(c);
}

static void
what_waits_at_the_end_is_answered(void **state)
{
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, open_backlog(1 << 20));
	unsigned i;

	(void)state;
	for (i = 0; i < MANY; i++)
		put(o, i, "");
	outbox_close(o);
	assert_int_equal(answered, MANY);
	assert_int_equal(safe, MANY);
	conf_free(c);
}

static void
by_hand_dead_letters_are_told_and_refused(void **state)
{
	struct outbox *o = must_open("out", NULL, NULL);
	char text[4096];
	int saved = tmpdir_catch_stderr();

	(void)state;
	put(o, 1,
	    "{\"type\":\"dead\",\"reason\":\"'+44 20' is no id\",\"record\":"
	    "\"s3cret\"}\n");
	put(o, 0, "");
	wait_for(2);
	outbox_close(o);
	tmpdir_stderr(saved, text, sizeof text);
	assert_null(strstr(text, "+44 20"));
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "cannot be kept without --state DIR"));
	assert_int_equal(safe, 1);
	assert_lines("out", 1);
}

/* Waits until the log has that text n times. */
static void
wait_for_log(const char *text, unsigned n)
{
	int64_t end = clock_mono_ms() + PATIENT_MS;
	struct buf all = BUF_INIT;
	const char *at;
	unsigned found;

	do {
		read_file("stderr", &all);
		found = 0;
		for (at = buf_str(&all); (at = strstr(at, text)) != NULL; at++)
			found++;
	} while (found < n && clock_mono_ms() < end && !stop_sleep(1));
	buf_release(&all);
	assert_true(found >= n);
}

/* The only file in the folder of dead letters. */
static void
read_dead_letters(struct buf *to)
{
	glob_t found;

	assert_int_equal(glob("dead/*.ndjson", 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	read_file(found.gl_pathv[0], to);
	globfree(&found);
}

/* A file stands where their folder is to be made; then it is taken away. */
static void
a_dead_letter_waits_until_it_can_be_written(void **state)
{
	static const char letter[] = "{\"type\":\"dead\",\"reason\":\"odd\"}\n";
	struct outbox *o;
	struct buf all = BUF_INIT;
	char text[8192];
	int saved = tmpdir_catch_stderr(), fd;

	(void)state;
	fd = open("dead", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	o = must_open("out", NULL, open_backlog(1 << 20));
	put(o, 0, letter);
	wait_for(1);
	assert_int_equal(safe, 1);
	/* With the request, then from the backlog. */
	wait_for_log("cannot keep dead letters in 'dead'", 2);
	assert_int_equal(atomic_load(&counts.drained), 0);
	assert_int_equal(unlink("dead"), 0);
	looks_like(o, true, true, 0);
	outbox_close(o);
	tmpdir_stderr(saved, text, sizeof text);
	read_dead_letters(&all);
	assert_string_equal(buf_str(&all), letter);
	assert_lines("out", 1);
	buf_release(&all);
}

/* Of an earlier run, and nothing comes that would add another. */
static void
old_dead_letters_go(void **state)
{
	static const char old[] = "dead/2020-01-01.ndjson";
	int64_t end = clock_mono_ms() + PATIENT_MS;
	struct outbox *o;

	(void)state;
	assert_true(mkdir("dead", 0700) == 0 || errno == EEXIST);
	tmpdir_file(old, "{}\n", 3, 0600);
	o = must_open("out", NULL, open_backlog(1 << 20));
	while (access(old, F_OK) == 0 && clock_mono_ms() < end)
		(void)stop_sleep(1);
	assert_int_not_equal(access(old, F_OK), 0);
	outbox_close(o);
}

/* It is found whole at the start, and damaged when it is to be published. */
static void
a_spool_that_cannot_be_read_ends_it(void **state)
{
	static const char path[] = "state/spool/0000000001.ndjson";
	struct conf *c = broker_away();
	struct outbox *o = must_open("queue:q", c, open_backlog(1 << 20));
	int64_t end = clock_mono_ms() + PATIENT_MS;
	enum exit_code code = PROG_OK;
	struct spool *spool;
	char text[4096];
	int saved = tmpdir_catch_stderr(), fd;

	(void)state;
	put(o, 0, "");
	wait_for(1);
	outbox_close(o);
	spool = open_backlog(1 << 20);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "damage", 6), 6);
	(void)close(fd);
	o = must_open("out", NULL, spool);
	while (!outbox_has_ended(o, &code) && clock_mono_ms() < end)
		(void)stop_sleep(1);
	assert_true(outbox_has_ended(o, &code));
	outbox_close(o);
	tmpdir_stderr(saved, text, sizeof text);
	assert_non_null(strstr(text, "damaged while it was in use"));
	assert_int_equal(code, PROG_IO);
	conf_free(c);
}

static void
a_wrong_name_is_told_at_once(void **state)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	(void)state;
	assert_null(open_to("queu:q", NULL, NULL, &code, &why));
	assert_int_equal(code, PROG_USAGE);
	assert_non_null(strstr(buf_str(&why), "queu:q"));
	assert_null(open_to("no/such/folder", NULL, NULL, &code, &why));
	assert_int_equal(code, PROG_CANTCREATE);
	buf_release(&why);
}

static int
clean(void **state)
{
	(void)state;
	tmpdir_empty("state/spool");
	(void)unlink("out");
	tmpdir_empty("dead");
	memset(&counts, 0, sizeof counts);
	return 0;
}

static int
leave(void **state)
{
	unsigned i;

	for (i = 0; i < MANY; i++) {
		buf_release(&requests[i].records);
		buf_release(&requests[i].dead);
	}
	tmpdir_empty("state/spool");
	(void)rmdir("state/spool");
	(void)rmdir("state");
	tmpdir_empty("dead");
	(void)rmdir("dead");
	return tmpdir_leave(state);
}

int
main(void)
{
#define CLEAN(test) cmocka_unit_test_setup(test, clean)
	const struct CMUnitTest tests[] = {
		CLEAN(a_file_has_what_was_answered),
		CLEAN(a_full_disk_ends_it),
		CLEAN(without_a_broker_it_is_kept_and_later_published),
		CLEAN(a_full_backlog_refuses_and_keeps_what_it_has),
		CLEAN(a_refusal_is_told_at_once),
		CLEAN(without_broker_and_backlog_it_is_refused),
		CLEAN(how_it_is_can_be_seen),
		CLEAN(what_waits_at_the_end_is_answered),
		CLEAN(by_hand_dead_letters_are_told_and_refused),
		CLEAN(a_dead_letter_waits_until_it_can_be_written),
		CLEAN(old_dead_letters_go),
		CLEAN(a_spool_that_cannot_be_read_ends_it),
		CLEAN(a_wrong_name_is_told_at_once),
	};

	unsetenv("MESSAGING_CONFIG");
	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, tmpdir_enter, leave);
}
