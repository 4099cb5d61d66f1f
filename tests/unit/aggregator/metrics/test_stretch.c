/*
 * Tests of aggregator/counting/stretch through what forgets: conversations
 * and users count what came since the last silence of more than `forget`, by
 * the times of the messages alone. By hand, as a stream with a flush and a
 * restart at any place, and in another order it is the same; and a state gives
 * back what no message can reach any more.
 */
#include "tests/unit/tmpdir.h"

#include <inttypes.h>

#include "common/conf/conf.h"

#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"
#include "aggregator/state/state.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR) /* forget */
#define WINDOW_MS HOUR
#define START INT64_C(1795165200000)

enum {
	MOST = 40,
};

/* A message, or one that takes the place of an earlier one. */
struct told {
	int64_t at;
	const char *user; /* NULL: it does not count */
	int instead_of;   /* the number of that one, from 1; 0: of none */
};

/* What a row has. */
struct row {
	int64_t messages, others, last, first;
};

struct script {
	struct told told[MOST];
	int n;
	struct row want; /* times from START */
};

/* Taken back when what was before it is as old as the state keeps it, or
 * older: in a stream. */
static const struct script taken_back[] = {
	{ { { 0, "a", 0 }, { DAY + HOUR, "b", 0 }, { DAY + HOUR, NULL, 2 } }, 3,
	    { .messages = 1 } },
	{ { { 0, "a", 0 }, { DAY + HOUR + 1, "b", 0 },
	      { DAY + HOUR + 1, NULL, 2 } },
	    3, { .messages = 0 } },
	/* It is the time of the new version that makes it older. */
	{ { { 0, "a", 0 }, { DAY + HOUR, "b", 0 },
	      { DAY + HOUR + 1, NULL, 2 } },
	    3, { .messages = 0 } },
	{ { { 0, "a", 0 }, { DAY, "b", 0 }, { 2 * DAY + HOUR + 1, "c", 0 },
	      { 2 * DAY + HOUR + 1, NULL, 3 }, { 2 * DAY + HOUR + 2, "d", 0 } },
	    5, { .messages = 1 } },
	/* One after the other; the last but one is old by then. */
	{ { { 0, "a", 0 }, { DAY + 1, "b", 0 }, { DAY + HOUR + 1, "c", 0 },
	      { DAY + 1, NULL, 2 }, { DAY + HOUR + 1, NULL, 3 } },
	    5, { .messages = 0 } },
	/* Not taken back but moved into the window, from before it. */
	{ { { 0, "a", 0 }, { HOUR + MINUTE, "b", 0 }, { HOUR / 2, "a", 1 } }, 3,
	    { .messages = 2 } },
};

static const struct script scripts[] = {
	{ { { 0, "a", 0 }, { DAY, "b", 0 } }, 2, { 2, 2, DAY, 0 } },
	{ { { 0, "a", 0 }, { DAY + 1, "b", 0 } }, 2,
	    { 1, 1, DAY + 1, DAY + 1 } },
	/* One that comes late fills the silence. */
	{ { { 0, "a", 0 }, { DAY + 1, "b", 0 }, { DAY - HOUR / 2, "c", 0 } }, 3,
	    { 3, 3, DAY + 1, 0 } },
	/* It is edited, and there is a silence again. */
	{ { { 0, "a", 0 }, { DAY + 1, "b", 0 }, { DAY - HOUR / 2, "c", 0 },
	      { DAY + 2, "a", 3 } },
	    4, { 2, 2, DAY + 2, DAY + 1 } },
	{ { { 0, "a", 0 }, { DAY + 1, "b", 0 }, { DAY - HOUR / 2, "c", 0 },
	      { DAY - HOUR / 2, NULL, 3 } },
	    4, { 1, 1, DAY + 1, DAY + 1 } },
	/* What began anew is taken back. */
	{ { { 0, "a", 0 }, { 1, "b", 0 }, { DAY + 2, "c", 0 },
	      { DAY + 2, NULL, 3 } },
	    4, { 2, 2, 1, 0 } },
	/* The last before a silence is taken back: the silence is longer. */
	{ { { 0, "a", 0 }, { DAY - HOUR, "b", 0 }, { DAY - HOUR / 2, "a", 0 },
	      { DAY - HOUR / 2, NULL, 3 }, { 2 * DAY - HOUR + 1, "b", 0 } },
	    5, { 1, 1, 2 * DAY - HOUR + 1, 2 * DAY - HOUR + 1 } },
	/* Two silences. */
	{ { { 0, "a", 0 }, { 2 * DAY, "b", 0 }, { 4 * DAY, "c", 0 },
	      { 5 * DAY, "b", 0 }, { 5 * DAY + 1, "a", 0 } },
	    5, { 3, 3, 5 * DAY + 1, 4 * DAY } },
	/* More people than stand beside the counts, some of them twice. */
	{ { { 0, "z", 0 }, { 2 * DAY, "a", 0 }, { 2 * DAY, "b", 0 },
	      { 2 * DAY, "c", 0 }, { 2 * DAY, "d", 0 }, { 2 * DAY, "e", 0 },
	      { 2 * DAY, "f", 0 }, { 3 * DAY, "f", 0 }, { 3 * DAY, "a", 0 },
	      { 3 * DAY, "z", 0 }, { 3 * DAY, "y", 0 }, { 3 * DAY, "x", 0 },
	      { 3 * DAY, "e", 8 }, { 3 * DAY, NULL, 9 } },
	    14, { 10, 9, 3 * DAY, 2 * DAY } },
};

/* What is tested now. */
struct world {
	struct conf *conf;
	struct state *state;
	struct keyed_state_pool pool;
	struct streaming_metrics *streaming;
	const struct metric *metric; /* conversations or users */
	struct row row;
	int64_t newest;
};

static const struct metric *
metric_named(const char *name)
{
	size_t i = 0;

	while (strcmp(metrics[i]->table->selector, name) != 0)
		i++;
	return metrics[i];
}

static void
begin(struct world *w, bool in_state)
{
	struct state_identity id = { "ours", WINDOW_MS, NULL, 0 };
	struct streaming_metrics_home home = { .pool = &w->pool };
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (in_state) {
		w->state =
		    state_open("state", &id, (size_t)1 << 30, &code, &why);
		if (w->state == NULL)
			fail_msg("%s", buf_str(&why));
		home.state = w->state;
		home.window_ms = WINDOW_MS;
		/* So that all is read from the state. */
		w->pool.limit = 1;
	}
	w->streaming =
	    streaming_metrics_open(&w->metric, 1, w->conf, "t", &home);
	streaming_metrics_resume(w->streaming, w->newest);
	buf_release(&why);
}

static void
end(struct world *w)
{
	streaming_metrics_close(w->streaming);
	state_close(w->state);
	w->state = NULL;
	keyed_state_pool_release(&w->pool);
}

static int64_t
cell(const struct metric *f, const struct cell *row, size_t column)
{
	if (column >= table_cells(f->table) || !row[column].set)
		return CLOCK_NONE;
	return row[column].n;
}

static int64_t
since_start(int64_t ms)
{
	return ms == CLOCK_NONE ? CLOCK_NONE : ms - START;
}

/* Of the conversation, or of the user "u"; of users the second number is not
 * theirs to forget. */
static void
emit(struct world *w, enum metric_rows which)
{
	struct rowset rows = { .metric = w->metric };
	const struct cell *c;

	streaming_metrics_emit(w->streaming, &rows, which);
	assert_true(rows.n <= 1);
	if (rows.n == 1) {
		c = rowset_get(&rows, 0);
		w->row.messages = cell(w->metric, c, 1);
		w->row.others = cell(w->metric, c, 2);
		w->row.last = since_start(cell(w->metric, c, 3));
		w->row.first = since_start(cell(w->metric, c, 4));
	}
	rowset_release(&rows);
}

static void
flush(struct world *w)
{
	struct buf why = BUF_INIT;

	streaming_metrics_advance(w->streaming, w->newest, false);
	streaming_metrics_save(w->streaming);
	if (state_commit(w->state, &why) != PROG_OK)
		fail_msg("%s", buf_str(&why));
	emit(w, ROWS_CHANGED);
	streaming_metrics_sent(w->streaming);
	buf_release(&why);
}

static struct streaming_metric_message
message_of(const struct world *w, const struct told *t)
{
	bool users = strcmp(w->metric->table->selector, "users") == 0;
	const char *user = users ? "u" : t->user;
	struct streaming_metric_message m = {
		.chat = { "c", 1 }, .id = { "", 0 }, .from = FROM_CUSTOMER
	};

	m.at = START + t->at;
	m.counted = t->user != NULL;
	if (m.counted)
		m.user = (struct text){ user, strlen(user) };
	return m;
}

static void
tell(struct world *w, const struct script *s, int i)
{
	const struct told *t = &s->told[i];
	struct streaming_metric_message m = message_of(w, t), old;

	if (t->instead_of > 0)
		old = message_of(w, &s->told[t->instead_of - 1]);
	if (m.at > w->newest)
		w->newest = m.at;
	streaming_metrics_pass_time(w->streaming, w->newest);
	streaming_metrics_message(
	    w->streaming, &m, t->instead_of > 0 ? &old : NULL);
}

static void
check(const struct world *w, const struct script *s, uint64_t how)
{
	bool users = strcmp(w->metric->table->selector, "users") == 0;
	int number = (int)(s - scripts);

	if (w->row.messages != s->want.messages ||
	    (!users && w->row.others != s->want.others) ||
	    w->row.last != s->want.last || w->row.first != s->want.first)
		fail_msg("script %d of %s, flushes %" PRIx64
			 ": %d messages, %d others, "
			 "from %d to %d",
		    number, w->metric->table->selector, how,
		    (int)w->row.messages, (int)w->row.others, (int)w->row.first,
		    (int)w->row.last);
}

static void
start(struct world *w, const char *metric)
{
	struct buf why = BUF_INIT;

	memset(w, 0, sizeof *w);
	tmpdir_file("t.conf", "[aggregator]\nforget = 1d\n", 25, 0600);
	w->conf = conf_load("t.conf", &why);
	assert_non_null(w->conf);
	w->metric = metric_named(metric);
	w->newest = CLOCK_NONE;
	buf_release(&why);
}

static void
finish(struct world *w)
{
	conf_free(w->conf);
}

static bool
has_versions(const struct script *s)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (s->told[i].instead_of > 0)
			return true;
	return false;
}

static void
by_hand(const struct script *s, const char *metric, bool backwards)
{
	struct world w;
	int i;

	start(&w, metric);
	begin(&w, false);
	for (i = 0; i < s->n; i++)
		tell(&w, s, backwards ? s->n - 1 - i : i);
	streaming_metrics_advance(w.streaming, w.newest, false);
	emit(&w, ROWS_ALL);
	check(&w, s, backwards);
	end(&w);
	finish(&w);
}

/* Behind a message is a flush where the mask has a bit, and a new life behind
 * each second one. */
static void
tell_all(struct world *w, const struct script *s, uint64_t flushes)
{
	int i, n = 0;

	for (i = 0; i < s->n; i++) {
		tell(w, s, i);
		if ((flushes >> i & 1) == 0)
			continue;
		flush(w);
		if (n++ % 2 == 0) {
			end(w);
			begin(w, true);
		}
	}
	flush(w);
}

static void
in_a_stream(const struct script *s, const char *metric, uint64_t flushes)
{
	struct world w;

	start(&w, metric);
	begin(&w, true);
	tell_all(&w, s, flushes);
	check(&w, s, flushes);
	end(&w);
	finish(&w);
	tmpdir_empty("state");
}

static void
try_all(const struct script *s, const char *metric)
{
	int i;

	by_hand(s, metric, false);
	if (!has_versions(s))
		by_hand(s, metric, true);
	in_a_stream(s, metric, 0);
	in_a_stream(s, metric, UINT64_MAX);
	for (i = 0; i < s->n && i < 5; i++)
		in_a_stream(s, metric, UINT64_C(1) << i);
}

static void
ticks_and_order_decide_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(scripts); i++) {
		try_all(&scripts[i], "conversations");
		try_all(&scripts[i], "users");
	}
	assert_int_equal(rmdir("state"), 0);
}

/* In a stream; of the longest monologue, too, in which each message is one. */
static void
take_back(const struct script *s, const char *metric, uint64_t flushes)
{
	struct world w;

	start(&w, metric);
	begin(&w, true);
	tell_all(&w, s, flushes);
	if (w.row.messages != s->want.messages)
		fail_msg("script %d of %s, flushes %" PRIx64 ": %d messages",
		    (int)(s - taken_back), metric, flushes,
		    (int)w.row.messages);
	end(&w);
	finish(&w);
	tmpdir_empty("state");
}

static void
what_is_too_old_does_not_come_back(void **state)
{
	uint64_t flushes;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(taken_back); i++) {
		for (flushes = 0; flushes < 32; flushes += 1 + flushes / 4) {
			take_back(&taken_back[i], "conversations", flushes);
			take_back(&taken_back[i], "users", flushes);
			take_back(&taken_back[i], "monologues", flushes);
		}
	}
	assert_int_equal(rmdir("state"), 0);
}

/* Never silent for a day, in many stretches: all counts. */
static void
what_goes_on_is_kept(void **state)
{
	struct script s = { .n = MOST };
	int i;

	(void)state;
	for (i = 0; i < MOST; i++)
		s.told[i] =
		    (struct told){ i * 20 * HOUR, i % 3 == 0 ? "a" : "b", 0 };
	s.want = (struct row){ MOST, 2, (MOST - 1) * 20 * HOUR, 0 };
	by_hand(&s, "conversations", false);
	by_hand(&s, "conversations", true);
	by_hand(&s, "users", true);
	in_a_stream(&s, "conversations", UINT64_MAX);
	in_a_stream(&s, "users", UINT64_C(0x5a5a5a5a5a));
	assert_int_equal(rmdir("state"), 0);
}

/* How many entries the state has of a table. */
static size_t
count(struct world *w, const char *table)
{
	return state_count(state_table(w->state, table, STATE_BYTES));
}

static void
say(struct world *w, int64_t at, const char *user)
{
	struct told t = { at, user, 0 };
	struct streaming_metric_message m = message_of(w, &t);

	streaming_metrics_message(w->streaming, &m, NULL);
	w->newest = m.at;
	flush(w);
}

static void
pass(struct world *w, int64_t at)
{
	w->newest = START + at;
	flush(w);
}

static void
what_is_silent_leaves_the_state(void **state)
{
	static const char *const people[] = { "a", "b", "c", "d", "e", "f" };
	struct world w;
	int i;

	(void)state;
	start(&w, "conversations");
	begin(&w, true);
	for (i = 0; i < 6; i++)
		say(&w, i, people[i]);
	say(&w, DAY + 6, "a");
	assert_int_equal(count(&w, "conversations"), 1);
	assert_int_equal(count(&w, "conversations_past"), 1);
	assert_int_equal(count(&w, "conversation_users"), 2);
	/* Nothing late fills the silence any more. */
	pass(&w, 2 * DAY);
	assert_int_equal(count(&w, "conversations"), 1);
	assert_int_equal(count(&w, "conversations_past"), 0);
	assert_int_equal(count(&w, "conversation_users"), 0);
	pass(&w, 2 * DAY + 6 + WINDOW_MS);
	assert_int_equal(count(&w, "conversations"), 1);
	pass(&w, 2 * DAY + 7 + WINDOW_MS);
	assert_int_equal(count(&w, "conversations"), 0);
	end(&w);
	finish(&w);
	tmpdir_empty("state");
	assert_int_equal(rmdir("state"), 0);
}

static void
users_leave_the_state(void **state)
{
	struct world w;

	(void)state;
	start(&w, "users");
	begin(&w, true);
	say(&w, 0, "a");
	say(&w, DAY - HOUR, "a");
	say(&w, DAY + HOUR, "a");
	assert_int_equal(w.row.messages, 3);
	pass(&w, 2 * DAY + 2 * HOUR);
	assert_int_equal(count(&w, "users"), 1);
	/* A pair that expires changes its user, who is told of first. */
	pass(&w, 2 * DAY + 2 * HOUR + 1);
	pass(&w, 2 * DAY + 2 * HOUR + 2);
	assert_int_equal(count(&w, "users"), 0);
	assert_int_equal(count(&w, "users_past"), 0);
	assert_int_equal(count(&w, "user_chats"), 0);
	end(&w);
	finish(&w);
	tmpdir_empty("state");
	assert_int_equal(rmdir("state"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_and_order_decide_nothing),
		cmocka_unit_test(what_is_too_old_does_not_come_back),
		cmocka_unit_test(what_goes_on_is_kept),
		cmocka_unit_test(what_is_silent_leaves_the_state),
		cmocka_unit_test(users_leave_the_state),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
