/*
 * Tests of aggregator/inbox: a queue is played that sends again what was not
 * acknowledged, and the inbox is killed at random moments. Whatever happens,
 * every snapshot is published with the same rows, and nothing is refused that
 * was good.
 */
#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <time.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "aggregator/inbox.h"
#include "aggregator/report.h"

#define DIR_NAME "state"

/* What the inbox was told to do. */
struct world {
	struct inbox inbox;
	struct buf published; /* rows of the last publication */
	struct buf refused;   /* reasons, a line each */
	size_t publications;
	unsigned later; /* so many confirmations are put off */
	bool open;
};

static struct choice choice;
static const struct drive_setup setup = { .choice = &choice };

static enum outcome
refuse(void *ctx, const char *line, size_t len, const char *reason)
{
	struct world *w = ctx;

	(void)line;
	(void)len;
	buf_addf(&w->refused, "%s\n", reason);
	return OUTCOME_DONE;
}

static int
add_line(void *ctx, const char *line, size_t len)
{
	buf_add(ctx, line, len);
	buf_addc(ctx, '\n');
	return 0;
}

static enum outcome
publish(void *ctx, struct intake *in)
{
	struct world *w = ctx;
	struct report r;
	struct tenant **list;
	size_t n;

	list = intake_tenants(in, &n);
	assert_int_equal(n, 1);
	assert_non_null(list[0]->whole);
	buf_clear(&w->published);
	report_init(&r, &list[0]->whole->drive, &rules_ours, list[0]->whole->id,
	    list[0]->whole->end_at);
	assert_int_equal(report_ndjson(&r, add_line, &w->published), 0);
	report_release(&r);
	free(list);
	w->publications++;
	return OUTCOME_DONE;
}

static enum outcome
confirm(void *ctx)
{
	struct world *w = ctx;

	if (w->later == 0)
		return OUTCOME_DONE;
	w->later--;
	return OUTCOME_LATER;
}

static int
try_open(struct world *w, struct buf *why)
{
	memset(&w->inbox, 0, sizeof w->inbox);
	w->inbox.setup = &setup;
	w->inbox.ctx = w;
	w->inbox.refuse = refuse;
	w->inbox.publish = publish;
	w->inbox.confirm = confirm;
	return inbox_open(&w->inbox, DIR_NAME, why);
}

static void
start(struct world *w)
{
	struct buf why = BUF_INIT;

	if (try_open(w, &why) == -1)
		fail_msg("%s", buf_str(&why));
	w->open = true;
}

/* Killed: nothing is flushed. */
static void
stop(struct world *w)
{
	if (w->open)
		inbox_close(&w->inbox);
	w->open = false;
}

static void
flush(struct world *w)
{
	enum outcome o;

	while ((o = inbox_flush(&w->inbox)) == OUTCOME_LATER)
		continue;
	assert_int_equal(o, OUTCOME_DONE);
}

static void
add(struct world *w, const char *id, uint64_t number, const char *line)
{
	struct buf b = BUF_INIT;
	enum outcome o;

	/* 64 readable bytes behind it */
	buf_adds(&b, line);
	buf_room(&b, 64);
	while ((o = inbox_add(&w->inbox, b.data, strlen(line), id, number)) ==
	       OUTCOME_LATER)
		continue;
	assert_int_equal(o, OUTCOME_DONE);
	buf_release(&b);
}

static int
clean(void **state)
{
	struct world *w = *state;

	stop(w);
	if (w->published.data != NULL)
		buf_clear(&w->published);
	buf_clear(&w->refused);
	w->publications = 0;
	w->later = 0;
	tmpdir_empty(DIR_NAME);
	(void)rmdir(DIR_NAME);
	return 0;
}

#define TENANT "\"tenant\":\"t\","
#define IN_S1 TENANT "\"snapshot\":\"s1\","
#define MARK(state, id, at, more)                                              \
	"{\"type\":\"snapshot\"," TENANT "\"state\":\"" state                  \
	"\",\"snapshot\":\"" id "\",\"at\":\"2026-11-20T10:" at ":00Z\"" more  \
	"}"
#define BEGIN MARK("begin", "s1", "10", "")
#define END MARK("end", "s1", "10", ",\"records\":2")
#define OPERATOR                                                               \
	"{\"type\":\"operator\"," IN_S1 "\"operator\":\"7\",\"name\":\"Ann\"}"
#define CHAT "{\"type\":\"chat\"," IN_S1 "\"chat\":\"1\",\"status\":\"open\"}"

static void
a_snapshot_is_published_when_it_is_whole(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	add(w, "m2", 1, CHAT);
	flush(w);
	assert_int_equal(w->publications, 0);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->refused.len, 0);
}

static void
a_message_that_comes_again_counts_once(void **state)
{
	struct world *w = *state;
	int round;

	for (round = 0; round < 3; round++) {
		start(w);
		add(w, "m1", 1, BEGIN);
		add(w, "m1", 2, OPERATOR);
		add(w, "m1", 1, BEGIN);
		add(w, "m1", 2, OPERATOR);
		flush(w);
		stop(w);
	}
	start(w);
	add(w, "m2", 1, CHAT);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	/* And when the snapshot is long done. */
	stop(w);
	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m2", 1, CHAT);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->refused.len, 0);
	assert_int_equal(w->inbox.failed, 0);
}

static void
rows_that_are_not_confirmed_are_not_written_twice(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m1", 3, CHAT);
	add(w, "m1", 4, END);
	w->later = 3;
	assert_int_equal(inbox_flush(&w->inbox), OUTCOME_LATER);
	assert_int_equal(inbox_flush(&w->inbox), OUTCOME_LATER);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	flush(w);
	assert_int_equal(w->publications, 1);
}

static void
a_newer_one_drops_an_unfinished_one(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	add(w, "m2", 1, MARK("begin", "s2", "20", ""));
	add(w, "m2", 2, MARK("end", "s2", "20", ",\"records\":0"));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->inbox.failed, 1);
	/* What still comes of the old one belongs to nobody. */
	add(w, "m3", 1, CHAT);
	assert_string_equal(buf_str(&w->refused),
	    "its snapshot did not begin, or was given up\n");
}

static void
an_older_one_is_passed_over(void **state)
{
	struct world *w = *state;
	int round;

	for (round = 0; round < 2; round++) {
		start(w);
		add(w, "m2", 1, MARK("begin", "s2", "20", ""));
		if (round == 1)
			add(w, "m2", 2,
			    MARK("end", "s2", "20", ",\"records\":0"));
		flush(w);
		add(w, "m1", 1, BEGIN);
		add(w, "m1", 2, OPERATOR);
		add(w, "m1", 3, CHAT);
		add(w, "m1", 4, END);
		flush(w);
		assert_int_equal(w->publications, round);
		stop(w);
	}
	assert_int_equal(w->refused.len, 0);
}

static void
bad_lines_are_refused_and_the_rest_goes_on(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, "nonsense");
	flush(w);
	stop(w);
	start(w);
	add(w, "m1", 2, "nonsense");
	add(w, "m2", 1,
	    "{\"type\":\"operator\"," IN_S1 "\"operator\":{\"a\":1}}");
	add(w, "m2", 2, "{\"type\":\"operator\",\"operator\":\"7\"}");
	add(w, "m2", 3, "{\"type\":\"operator\"," TENANT "\"operator\":\"7\"}");
	add(w, "m2", 4,
	    "{\"type\":\"operator\",\"tenant\":\"a/b\",\"snapshot\":\"s1\","
	    "\"operator\":\"7\"}");
	add(w, "m2", 5, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(
	    strstr(buf_str(&w->refused), "field 'operator' must be a string"));
	assert_non_null(strstr(buf_str(&w->refused), "'tenant' is missing"));
	assert_non_null(strstr(buf_str(&w->refused), "outside a snapshot"));
	assert_non_null(
	    strstr(buf_str(&w->refused), "of a [crm NAME] section"));
}

static void
an_end_that_comes_early_waits_for_the_rest(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m3", 1, END);
	flush(w);
	assert_int_equal(inbox_tell_incomplete(&w->inbox), 1);
	add(w, "m2", 1, OPERATOR);
	add(w, "m2", 2, CHAT);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(inbox_tell_incomplete(&w->inbox), 0);
}

static void
a_folder_is_for_one_and_of_one_version(void **state)
{
	struct world *w = *state, other = { .open = false };
	struct buf why = BUF_INIT;
	static const char damaged[] = "messaging-spool 1\n@ 1 2 3 x\nab\nmore";

	start(w);
	assert_int_equal(try_open(&other, &why), -1);
	assert_int_equal(other.inbox.code, PROG_TEMPFAIL);
	inbox_close(&other.inbox);
	stop(w);
	tmpdir_file(DIR_NAME "/t.spool", damaged, sizeof damaged - 1, 0600);
	assert_int_equal(try_open(w, &why), -1);
	assert_int_equal(w->inbox.code, PROG_DATA);
	assert_non_null(strstr(buf_str(&why), "damaged"));
	inbox_close(&w->inbox);
	tmpdir_file(DIR_NAME "/t.spool", "", 0, 0600);
	start(w);
	stop(w);
	tmpdir_file(DIR_NAME "/version", "x", 1, 0600);
	assert_int_equal(try_open(w, &why), -1);
	inbox_close(&w->inbox);
	buf_release(&why);
}

static void
what_nobody_goes_on_with_is_removed_after_a_week(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = { { .tv_sec = time(NULL) - 8 * 86400 },
		{ .tv_sec = time(NULL) - 8 * 86400 } };

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	inbox_expire(&w->inbox);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	assert_int_equal(utimensat(AT_FDCWD, DIR_NAME "/t.spool", old, 0), 0);
	inbox_expire(&w->inbox);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
}

/* A played queue: messages of a few lines; of two tenants, mixed. */
#define SNAPSHOTS 12
#define MESSAGES 400
#define LINES 5

struct played {
	char id[16];
	char *line[LINES];
	size_t n;
};

static struct played queue[MESSAGES];
static size_t queued;

static void
enqueue(char *line)
{
	struct played *m;

	if (queued == 0 || queue[queued - 1].n == LINES || rand() % 3 == 0) {
		assert_true(queued < MESSAGES);
		m = &queue[queued++];
		m->n = 0;
		snprintf(m->id, sizeof m->id, "m%zu", queued);
	}
	m = &queue[queued - 1];
	m->line[m->n++] = line;
}

static void
play_snapshots(void)
{
	size_t left[2] = { 0, 0 }, size[2], made[2] = { 0, 0 };
	int t;

	queued = 0;
	while (made[0] < SNAPSHOTS || made[1] < SNAPSHOTS || left[0] > 0 ||
	       left[1] > 0) {
		t = rand() % 2;
		if (left[t] == 0 && made[t] == SNAPSHOTS)
			continue;
		if (left[t] == 0) {
			size[t] = 1 + (size_t)rand() % 9;
			left[t] = size[t] + 1;
			enqueue(xasprintf(
			    "{\"type\":\"snapshot\",\"tenant\":\"t%d\","
			    "\"state\":\"begin\",\"snapshot\":\"s%zu\","
			    "\"at\":\"2026-11-20T10:%02zu:00Z\"}",
			    t, made[t], made[t]));
		} else if (--left[t] == 0) {
			enqueue(xasprintf(
			    "{\"type\":\"snapshot\",\"tenant\":\"t%d\","
			    "\"state\":\"end\",\"snapshot\":\"s%zu\","
			    "\"records\":%zu}",
			    t, made[t], size[t]));
			made[t]++;
		} else {
			enqueue(xasprintf(
			    "{\"type\":\"operator\",\"tenant\":\"t%d\","
			    "\"snapshot\":\"s%zu\",\"operator\":\"%zu\"}",
			    t, made[t], left[t]));
		}
	}
}

static void
forget_queue(void)
{
	size_t i, j;

	for (i = 0; i < queued; i++)
		for (j = 0; j < queue[i].n; j++)
			free(queue[i].line[j]);
	queued = 0;
}

/* Reads message i up to a line at which it may die; true when whole. */
static bool
deliver(struct world *w, size_t i)
{
	size_t j;

	for (j = 0; j < queue[i].n; j++) {
		if (rand() % 40 == 0)
			return false;
		w->later = (unsigned)(rand() % 2);
		add(w, queue[i].id, j + 1, queue[i].line[j]);
	}
	return true;
}

static void
kills_at_any_moment_lose_and_repeat_nothing(void **state)
{
	struct world *w = *state;
	size_t acked = 0, at = 0, kills = 0, undisturbed;
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	srand(seed);
	play_snapshots();
	start(w);
	while (acked < queued) {
		if (at == queued || rand() % 6 == 0) {
			flush(w);
			acked = at;
		} else if (deliver(w, at)) {
			at++;
		} else if (rand() % 2 == 0) {
			/* The link is lost: what was not acknowledged comes
			 * again, the rest of a message in hand with it. */
			at = acked;
		} else {
			stop(w);
			start(w);
			at = acked;
			kills++;
		}
	}
	undisturbed = 2 * SNAPSHOTS;
	assert_true(w->publications >= undisturbed);
	assert_true(w->publications <= undisturbed + kills * 2);
	assert_string_equal(buf_str(&w->refused), "");
	assert_int_equal(w->inbox.failed, 0);
	assert_int_equal(inbox_tell_incomplete(&w->inbox), 0);
	assert_int_equal(access(DIR_NAME "/t0.spool", F_OK), -1);
	assert_int_equal(access(DIR_NAME "/t1.spool", F_OK), -1);
	forget_queue();
}

static int
enter(void **state)
{
	static struct world w;

	if (tmpdir_enter(state) != 0)
		return -1;
	free(*state);
	*state = &w;
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}

static int
leave(void **state)
{
	struct world *w = *state;
	char *dir = xmalloc(4096);

	clean(state);
	buf_release(&w->published);
	buf_release(&w->refused);
	*state = getcwd(dir, 4096);
	return tmpdir_leave(state);
}

int
main(void)
{
	static char chats[] = "chats", operators[] = "operators";
	char *const names[] = { operators, chats, NULL };
#define INBOX_TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)
	const struct CMUnitTest tests[] = {
		INBOX_TEST(a_snapshot_is_published_when_it_is_whole),
		INBOX_TEST(a_message_that_comes_again_counts_once),
		INBOX_TEST(rows_that_are_not_confirmed_are_not_written_twice),
		INBOX_TEST(a_newer_one_drops_an_unfinished_one),
		INBOX_TEST(an_older_one_is_passed_over),
		INBOX_TEST(bad_lines_are_refused_and_the_rest_goes_on),
		INBOX_TEST(an_end_that_comes_early_waits_for_the_rest),
		INBOX_TEST(a_folder_is_for_one_and_of_one_version),
		INBOX_TEST(what_nobody_goes_on_with_is_removed_after_a_week),
		INBOX_TEST(kills_at_any_moment_lose_and_repeat_nothing),
	};

	struct buf why = BUF_INIT;

	if (choice_parse(&choice, names, &why) == -1)
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
