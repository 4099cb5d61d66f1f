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
	bool by_part;
	struct bucket_set parts; /* of the last publication */
	struct strmap told;      /* snapshot -> its parts that were published */
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

static void
note_parts(
    struct world *w, const struct tenant *t, const struct bucket_set *wanted)
{
	char *key = xasprintf("%s %s", t->name, t->whole->id);
	struct bucket_set *told;
	void **slot;

	w->parts = (struct bucket_set){ .all = false };
	if (wanted == NULL)
		return;
	slot = strmap_put(&w->told, key, strlen(key));
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *told);
	told = *slot;
	told->chats |= wanted->chats;
	told->all |= wanted->all;
	w->parts = *wanted;
	free(key);
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
	note_parts(w, list[0], in->wanted);
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
	w->inbox.by_part = w->by_part;
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
	strmap_release(&w->told, free);
	w->publications = 0;
	w->later = 0;
	w->by_part = false;
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

/* Of tenant t, chat 1. */
#define CHAT_BUCKET "1"
#define PART(state, id, at, bucket, more)                                      \
	MARK(state, id, at, ",\"bucket\":" bucket more)
#define MARKER(state, id, bucket, more) PART(state, id, "10", bucket, more)
#define END_OF(n) ",\"records\":" n

static void
each_part_is_published_when_it_is_whole(void **state)
{
	struct world *w = *state;

	assert_int_equal(bucket_of("t", 1, "1", 1), atoi(CHAT_BUCKET));
	w->by_part = true;
	start(w);
	add(w, "m1", 1, PART("begin", "s1", "10", "64", ""));
	add(w, "m1", 2, OPERATOR);
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m3", 1, PART("end", "s1", "10", "64", END_OF("1")));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_true(w->parts.all && w->parts.chats == 0);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_null(strstr(buf_str(&w->published), "\"chat\":\"1\""));
	/* They share a spool, and what is done of it stays done. */
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	stop(w);
	start(w);
	flush(w);
	assert_int_equal(w->publications, 1);
	add(w, "m1", 2, OPERATOR);
	add(w, "m4", 1, PART("end", "s1", "10", CHAT_BUCKET, END_OF("1")));
	/* One with nothing in it is whole, too. */
	add(w, "m5", 1, PART("begin", "s1", "10", "7", ""));
	add(w, "m5", 2, PART("end", "s1", "10", "7", END_OF("0")));
	flush(w);
	assert_int_equal(w->publications, 2);
	assert_true(w->parts.chats == ((1u << 1) | (1u << 7)) && !w->parts.all);
	assert_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_non_null(strstr(buf_str(&w->published), "\"chat\":\"1\""));
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
	/* Another part comes late; those that were there are passed over. */
	stop(w);
	start(w);
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m6", 1, PART("begin", "s1", "10", "8", ""));
	add(w, "m6", 2, PART("end", "s1", "10", "8", END_OF("0")));
	flush(w);
	assert_int_equal(w->publications, 3);
	assert_true(w->parts.chats == 1u << 8 && !w->parts.all);
	assert_int_equal(w->refused.len, 0);
	assert_int_equal(inbox_tell_incomplete(&w->inbox), 0);
}

static void
a_part_that_is_cut_is_not_used(void **state)
{
	struct world *w = *state;
	int round;

	w->by_part = true;
	start(w);
	add(w, "m1", 1, PART("begin", "s1", "10", "7", ""));
	add(w, "m1", 2, PART("end", "s1", "10", "7", END_OF("0")));
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m2", 3, "{\"type\":\"chat\"," IN_S1 "\"chat\":{}}");
	add(w, "m2", 4, PART("end", "s1", "10", CHAT_BUCKET, END_OF("3")));
	/* The newer one of any part is the end of it, and what is whole counts
	 * first. */
	add(w, "m3", 1, PART("begin", "s2", "20", "7", ""));
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->parts.chats, 1u << 7);
	assert_int_equal(w->inbox.failed, 1);
	/* An older one is passed over, whatever part comes. */
	for (round = 0; round < 2; round++) {
		add(w, "m4", 1, PART("begin", "s0", "05", CHAT_BUCKET, ""));
		add(w, "m4", 2,
		    PART("end", "s0", "05", CHAT_BUCKET, END_OF("0")));
		flush(w);
		assert_int_equal(w->publications, 1 + round);
		add(w, "m5", 1, PART("end", "s2", "20", "7", END_OF("0")));
		flush(w);
		assert_int_equal(w->publications, 2);
	}
	assert_string_equal(
	    buf_str(&w->refused), "field 'chat' must be a string\n");
}

/* Whoever makes rows of snapshots needs all of one. */
static void
all_parts_are_a_snapshot(void **state)
{
	struct world *w = *state;
	char *line;
	int round, part;

	for (round = 0; round < 2; round++) {
		start(w);
		/* The second one lacks its last part. */
		for (part = 0; part <= BUCKET_ALL - round; part++) {
			assert_int_equal(w->publications, 0);
			line = xasprintf(
			    MARKER("begin", "s%d", "%d", ""), round, part);
			add(w, NULL, 0, line);
			free(line);
			line =
			    xasprintf(MARKER("end", "s%d", "%d", END_OF("0")),
				round, part);
			add(w, NULL, 0, line);
			free(line);
			flush(w);
		}
		assert_int_equal(w->publications, round == 0);
		assert_int_equal(inbox_tell_incomplete(&w->inbox), round);
		w->publications = 0;
		stop(w);
	}
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
#define MESSAGES 1000
#define LINES 5

struct played {
	char id[16];
	char *line[LINES];
	size_t n;
};

static struct played queue[MESSAGES];
static size_t queued;
static size_t lane, last_lane; /* a message holds lines of one */

static void
enqueue(char *line)
{
	struct played *m;

	if (queued == 0 || queue[queued - 1].n == LINES || rand() % 3 == 0 ||
	    lane != last_lane) {
		assert_true(queued < MESSAGES);
		m = &queue[queued++];
		m->n = 0;
		snprintf(m->id, sizeof m->id, "m%zu", queued);
	}
	last_lane = lane;
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

/* A part of a snapshot, as it comes in its lane. */
struct lane {
	unsigned bucket;
	int tenant, chat; /* -1: operators */
	size_t size, said;
};

#define LANES 4

/* The next line of the lane: begin, lines, end. */
static void
enqueue_part(struct lane *x, size_t snapshot)
{
	char *head = xasprintf(
	    "\"tenant\":\"t%d\",\"snapshot\":\"s%zu\"", x->tenant, snapshot);

	if (x->said == 0)
		enqueue(xasprintf("{\"type\":\"snapshot\",%s,\"state\":"
				  "\"begin\",\"bucket\":%u,"
				  "\"at\":\"2026-11-20T10:%02zu:00Z\"}",
		    head, x->bucket, snapshot));
	else if (x->said > x->size)
		enqueue(xasprintf("{\"type\":\"snapshot\",%s,\"state\":\"end\","
				  "\"bucket\":%u,\"records\":%zu}",
		    head, x->bucket, x->size));
	else if (x->chat == -1)
		enqueue(
		    xasprintf("{\"type\":\"operator\",%s,\"operator\":\"%zu\"}",
			head, x->said));
	else
		enqueue(xasprintf(
		    "{\"type\":\"chat\",%s,\"chat\":\"%d\"}", head, x->chat));
	x->said++;
	free(head);
}

/* The same through an exchange: lanes overtake each other. */
static void
play_parts(void)
{
	struct lane lanes[2 * LANES];
	size_t snapshot, i, left;
	char text[16];

	queued = 0;
	for (snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
		for (i = 0, left = 0; i < 2 * LANES; i++) {
			struct lane *x = &lanes[i];

			*x = (struct lane){ .tenant = (int)(i / LANES),
				.chat = (int)(i % LANES) - 1,
				.size = (size_t)(rand() % 4) };
			snprintf(
			    text, sizeof text, "t%d%d", x->tenant, x->chat);
			x->bucket = x->chat == -1
					? BUCKET_ALL
					: bucket_of(text, 2, text + 2, 1);
			left += x->size + 2;
		}
		while (left > 0) {
			lane = (size_t)rand() % (2 * LANES);
			if (lanes[lane].said == lanes[lane].size + 2)
				continue;
			enqueue_part(&lanes[lane], snapshot);
			left--;
		}
	}
}

static void
all_parts_were_told(struct world *w)
{
	const struct strmap_entry *e;
	const struct bucket_set *told;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->told, &i)) != NULL) {
		told = e->value;
		assert_true(told->all);
		assert_int_equal(__builtin_popcountll(told->chats), LANES - 1);
		n++;
	}
	assert_int_equal(n, 2 * SNAPSHOTS);
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

/* How often it was killed. */
static size_t
read_queue(struct world *w)
{
	size_t acked = 0, at = 0, kills = 0;

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
	assert_string_equal(buf_str(&w->refused), "");
	assert_int_equal(w->inbox.failed, 0);
	assert_int_equal(inbox_tell_incomplete(&w->inbox), 0);
	assert_int_equal(access(DIR_NAME "/t0.spool", F_OK), -1);
	assert_int_equal(access(DIR_NAME "/t1.spool", F_OK), -1);
	forget_queue();
	return kills;
}

static void
kills_at_any_moment_lose_and_repeat_nothing(void **state)
{
	struct world *w = *state;
	unsigned seed = (unsigned)time(NULL);
	size_t kills, undisturbed = 2 * SNAPSHOTS;

	print_message("seed %u\n", seed);
	srand(seed);
	play_snapshots();
	kills = read_queue(w);
	assert_true(w->publications >= undisturbed);
	assert_true(w->publications <= undisturbed + kills * 2);
	assert_int_equal(clean(state), 0);
	play_parts();
	w->by_part = true;
	(void)read_queue(w);
	all_parts_were_told(w);
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
		INBOX_TEST(each_part_is_published_when_it_is_whole),
		INBOX_TEST(a_part_that_is_cut_is_not_used),
		INBOX_TEST(all_parts_are_a_snapshot),
		INBOX_TEST(a_folder_is_for_one_and_of_one_version),
		INBOX_TEST(what_nobody_goes_on_with_is_removed_after_a_week),
		INBOX_TEST(kills_at_any_moment_lose_and_repeat_nothing),
	};

	struct buf why = BUF_INIT;

	if (choice_parse(&choice, names, &why) == -1)
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
