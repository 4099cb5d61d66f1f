/*
 * Tests of the metrics that count as messages pass
 * (aggregator/counting/streaming_metric.h): a stream with flushes, a state, a
 * cache that holds next to nothing, crashes at either side of the commit and
 * restarts gives the same table in the end as the same messages at once in
 * memory. What it has to be is the business of tests/oracle/stream_metrics.py.
 */
#include "tests/unit/tmpdir.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/containers/strmap.h"

#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"
#include "aggregator/state/state.h"

#define WINDOW_MS (INT64_C(3600) * 1000)
#define CONF                                                                   \
	"[aggregator]\nforget = 1d\nalert_minute = 2\nalert_five_minutes = "   \
	"9\n"
#define FORGET_MS (24 * WINDOW_MS)
#define START INT64_C(1795165200000)

enum {
	MESSAGES = 4000,
	WORLDS = 12,
};

/* One thing that happens. */
struct step {
	struct streaming_metric_message m, old;
	struct streaming_metric_interval i;
	bool has_old, is_interval, withdrawn;
	bool undone; /* by a later one */
	char names[8][40];
};

struct world {
	uint64_t dice;
	struct step *steps;
	size_t n;
	int64_t newest;
	struct conf *conf;
	struct strmap table; /* key of a row -> its text */
};

static uint64_t
dice(struct world *w, uint64_t sides)
{
	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 7;
	w->dice ^= w->dice << 17;
	return (w->dice >> 11) % sides;
}

static struct text
name(char *room, const char *form, uint64_t n)
{
	struct text t = { room, 0 };

	t.len = (size_t)snprintf(room, 40, "%s%d", form, (int)n);
	return t;
}

static struct text
text_of(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static void
roll_message(
    struct world *w, struct step *s, struct streaming_metric_message *m, int at)
{
	static const char *const texts[] = { "where is my order",
		"Where IS the invoice", "заказ", "订单在哪里", "" };

	m->chat = name(s->names[at], "c", dice(w, 30));
	m->user = name(s->names[at + 1], "u", dice(w, 2) * dice(w, 12));
	if (dice(w, 20) == 0)
		m->user = (struct text){ NULL, 0 };
	m->channel = name(s->names[at + 2], "web", dice(w, 3));
	m->text = text_of(texts[dice(w, ARRAY_LEN(texts))]);
	m->from = (enum message_from)(FROM_CUSTOMER + dice(w, 4));
	m->counted = m->from != FROM_SYSTEM && dice(w, 10) != 0;
}

/* Some are as long as they may be. */
static struct text
roll_operator(struct world *w, char *room)
{
	static char longest[RECORD_MAX_ID];

	memset(longest, 'x', sizeof longest);
	return dice(w, 8) > 0 ? name(room, "op", dice(w, 3))
			      : (struct text){ longest, sizeof longest };
}

/* Time goes on, at times by days; what is late is late by less than the
 * window. */
static void
roll_step(struct world *w, size_t i, int64_t *now)
{
	struct step *s = &w->steps[i], *before;

	*now += (int64_t)dice(w, dice(w, 50) == 0 ? 4000000 : 4000);
	/* Some are silent for so long that they are forgotten, or nearly. */
	if (dice(w, 200) == 0)
		*now += INT64_C(23) * WINDOW_MS + (int64_t)dice(w, 7200000);
	roll_message(w, s, &s->m, 0);
	s->m.id = name(s->names[6], "m", i);
	s->m.at = *now;
	if (dice(w, 8) == 0)
		s->m.at -= (int64_t)dice(w, WINDOW_MS);
	if (s->m.at > w->newest)
		w->newest = s->m.at;
	s->i.kind = (enum interval_kind)dice(w, 5);
	s->i.chat = s->m.chat;
	s->i.message = s->m.id;
	if (dice(w, 4) > 0)
		s->i.operator_id = roll_operator(w, s->names[7]);
	if (dice(w, 4) > 0)
		s->i.channel = s->m.channel;
	s->i.end = s->m.at;
	s->i.ms = (int64_t)dice(w, 100000);
	s->i.start = s->i.end - s->i.ms;
	s->is_interval = dice(w, 3) == 0;
	/* A later version of, or the end of, something a little earlier. */
	before = i > 20 ? &w->steps[i - 1 - dice(w, 20)] : s;
	if (before == s || before->undone || before->withdrawn ||
	    before->is_interval != s->is_interval || dice(w, 4) > 0 ||
	    before->m.at < w->newest - WINDOW_MS / 2)
		return;
	before->undone = true;
	if (s->is_interval) {
		s->i = before->i;
		s->i.channel = s->m.channel;
		s->withdrawn = dice(w, 2) == 0;
		return;
	}
	s->old = before->m;
	s->has_old = true;
	s->m.chat = s->old.chat;
	s->m.id = s->old.id;
	s->m.channel = s->old.channel;
	if (dice(w, 2) == 0)
		s->m.at = s->old.at;
}

static void
roll(struct world *w)
{
	int64_t now = START;
	size_t i;

	w->newest = now;
	w->n = MESSAGES;
	w->steps = xcalloc(w->n, sizeof *w->steps);
	for (i = 0; i < w->n; i++)
		roll_step(w, i, &now);
}

static void
feed(struct streaming_metrics *f, const struct step *s, int64_t *newest)
{
	if (s->is_interval) {
		streaming_metrics_interval(f, &s->i, s->withdrawn);
	} else {
		streaming_metrics_message(
		    f, &s->m, s->has_old ? &s->old : NULL);
		if (s->m.at > *newest)
			*newest = s->m.at;
	}
}

/* Rows that say that there is nothing: the table may have them or not. */
static bool
is_nothing(const struct metric *f, const struct cell *c)
{
	static const char *const counts[] = { "message_count",
		"messages_last_minute", "messages", "responses", "count",
		"occurrences" };
	size_t i;
	int at;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		at = metric_column(f, counts[i]);
		if (at >= 0 && c[at].n == 0)
			return true;
	}
	at = metric_column(f, "withdrawn");
	return at >= 0 && c[at].n != 0;
}

static void
add_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	buf_addc(b, '|');
	if (!c->set)
		buf_adds(b, "NULL");
	else if (cell_form(column) == CELL_TEXT)
		buf_add(b, c->text.p, c->text.len);
	else
		buf_addi(b, c->n);
}

static void
store(struct world *w, const struct rowset *rows)
{
	const struct metric *f = rows->metric;
	const struct table *t = f->table;
	struct buf key = BUF_INIT, row = BUF_INIT;
	const struct cell *c;
	size_t i, j;
	void **slot;

	for (i = 0; i < rows->n; i++) {
		c = rowset_get(rows, i);
		buf_clear(&key);
		buf_clear(&row);
		buf_adds(&key, t->name);
		for (j = 0; j < table_cells(t); j++)
			add_cell(j + 1 < t->keys ? &key : &row,
			    table_cell(t, j), &c[j]);
		slot = strmap_put(&w->table, key.data, key.len);
		free(*slot);
		*slot = xstrdup(is_nothing(f, c) ? "" : buf_str(&row));
	}
	buf_release(&key);
	buf_release(&row);
}

static void
emit(struct world *w, struct streaming_metrics *f, enum metric_rows which)
{
	struct rowset rows = { 0 };
	size_t i;

	for (i = 0; i < metrics_n; i++) {
		if (metrics[i]->streaming == NULL)
			continue;
		rows.metric = metrics[i];
		streaming_metrics_emit(f, &rows, which);
		store(w, &rows);
		rowset_release(&rows);
	}
}

static void
run_at_once(struct world *w)
{
	struct keyed_state_pool pool = { 0 };
	struct streaming_metrics *f = streaming_metrics_open(metrics, metrics_n,
	    w->conf, "t1", &(struct streaming_metrics_home){ .pool = &pool });
	int64_t newest = CLOCK_NONE;
	size_t i;

	for (i = 0; i < w->n; i++)
		feed(f, &w->steps[i], &newest);
	streaming_metrics_advance(f, newest, true);
	emit(w, f, ROWS_ALL);
	streaming_metrics_close(f);
	keyed_state_pool_release(&pool);
}

/* One aggregator's life. */
struct life {
	struct state *state;
	struct keyed_state_pool pool;
	struct streaming_metrics *streaming;
	struct state_table *pending_rows;
};

static void
begin(struct world *w, struct life *l)
{
	struct state_identity id = { "ours", WINDOW_MS, NULL, 0 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	const void *data;
	size_t len;

	memset(l, 0, sizeof *l);
	l->state = state_open("state", &id, (size_t)1 << 30, &code, &why);
	if (l->state == NULL)
		fail_msg("%s", buf_str(&why));
	l->pending_rows = state_table(l->state, "unsent", STATE_BYTES);
	l->pool.limit = 20000;
	l->streaming = streaming_metrics_open(metrics, metrics_n, w->conf, "t1",
	    &(struct streaming_metrics_home){
		&l->pool, l->state, 7, WINDOW_MS });
	if (state_get(l->pending_rows, "t1", 2, &data, &len)) {
		/* Borrowed until the next change. */
		char *copy = xmalloc(len + 1);

		memcpy(copy, data, len);
		assert_int_equal(
		    streaming_metrics_restore_pending(l->streaming, copy, len),
		    0);
		free(copy);
	}
	buf_release(&why);
}

static void
end(struct life *l)
{
	streaming_metrics_close(l->streaming);
	state_close(l->state);
	keyed_state_pool_release(&l->pool);
}

/* settle, save, commit, and then, unless it crashes: write, sent. */
static void
flush(struct world *w, struct life *l, int64_t newest, bool last)
{
	struct buf unsent = BUF_INIT, why = BUF_INIT;

	streaming_metrics_advance(
	    l->streaming, newest, last || dice(w, 10) == 0);
	streaming_metrics_save(l->streaming);
	streaming_metrics_pending(l->streaming, &unsent);
	state_put(l->pending_rows, "t1", 2, buf_str(&unsent), unsent.len);
	if (state_commit(l->state, &why) != PROG_OK)
		fail_msg("%s", buf_str(&why));
	if (!last && dice(w, 15) == 0) {
		end(l);
		begin(w, l);
		streaming_metrics_advance(l->streaming, newest, false);
	}
	emit(w, l->streaming, ROWS_CHANGED);
	streaming_metrics_sent(l->streaming);
	assert_false(streaming_metrics_changed(l->streaming));
	buf_release(&unsent);
	buf_release(&why);
}

static void
run_as_stream(struct world *w)
{
	int64_t newest = CLOCK_NONE, before;
	struct life l;
	size_t from = 0, to, i;

	begin(w, &l);
	while (from < w->n) {
		to = from + 1 + dice(w, 200);
		if (to > w->n)
			to = w->n;
		before = newest;
		for (i = from; i < to; i++)
			feed(l.streaming, &w->steps[i], &newest);
		if (dice(w, 15) == 0) {
			/* A crash before the commit: it all comes again. */
			end(&l);
			begin(w, &l);
			newest = before;
			streaming_metrics_resume(l.streaming, newest);
			continue;
		}
		flush(w, &l, newest, false);
		from = to;
	}
	flush(w, &l, newest, true);
	end(&l);
}

/* A row of what was so long ago that a stream has forgotten it: when what came
 * since is taken back, it does not come back. Its key is no time. */
static bool
is_forgotten(const struct world *w, const struct strmap_entry *e)
{
	const struct table *t = table_find(e->key, strcspn(e->key, "|"));
	const char *c = e->value;
	size_t i;

	if (t->age < (int)t->keys)
		return false;
	for (i = 0; i + t->keys <= (size_t)t->age && c != NULL; i++)
		c = strchr(c + (i > 0), '|');
	assert_non_null(c);
	return strtoll(c + 1, NULL, 10) + FORGET_MS + WINDOW_MS < w->newest;
}

static void
compare(const struct world *w, struct strmap *want, struct strmap *got,
    const char *what)
{
	const struct strmap_entry *e;
	const char *other;
	size_t i = 0;

	while ((e = strmap_next(want, &i)) != NULL) {
		if (*(const char *)e->value == '\0')
			continue;
		other = strmap_get(got, e->key, e->key_len);
		if (other != NULL && *other == '\0' && is_forgotten(w, e))
			continue;
		if (other == NULL || strcmp(other, e->value) != 0)
			fail_msg("%s: %s is %s, should be %s", what, e->key,
			    other != NULL ? other : "missing",
			    (const char *)e->value);
	}
	/* And the other way round, for rows that should not be there. */
	for (i = 0; (e = strmap_next(got, &i)) != NULL;) {
		if (*(const char *)e->value == '\0')
			continue;
		other = strmap_get(want, e->key, e->key_len);
		if (other == NULL || *other == '\0')
			fail_msg("%s: %s should not be there: %s", what, e->key,
			    (const char *)e->value);
	}
}

static void
a_stream_ends_where_a_batch_does(void **state)
{
	struct strmap at_once;
	struct world w;
	char what[40];
	uint64_t seed;
	struct buf why = BUF_INIT;

	(void)state;
	tmpdir_file("t.conf", CONF, strlen(CONF), 0600);
	for (seed = 1; seed <= WORLDS; seed++) {
		memset(&w, 0, sizeof w);
		w.dice = seed * UINT64_C(0x9216d5d98979fb1b) | 1;
		w.conf = conf_load("t.conf", &why);
		assert_non_null(w.conf);
		roll(&w);
		run_at_once(&w);
		at_once = w.table;
		w.table = (struct strmap)STRMAP_INIT;
		assert_true(at_once.live > 100);
		run_as_stream(&w);
		(void)snprintf(what, sizeof what, "world %d", (int)seed);
		compare(&w, &at_once, &w.table, what);
		strmap_release(&at_once, free);
		strmap_release(&w.table, free);
		tmpdir_empty("state");
		conf_free(w.conf);
		free(w.steps);
	}
	assert_int_equal(rmdir("state"), 0);
	buf_release(&why);
}

/* What the table has of a word in the window that begins at START. */
static uint64_t
occurrences(struct world *w, const char *word)
{
	struct buf key = BUF_INIT;
	const char *row;

	buf_addf(&key, "trends|%" PRId64 "|%s", START, word);
	row = strmap_get(&w->table, key.data, key.len);
	buf_release(&key);
	return row != NULL && *row != '\0'
		   ? strtoull(strrchr(row, '|') + 1, NULL, 10)
		   : 0;
}

/* Three messages have "order"; the last of them comes again. */
static const struct {
	const char *texts[3];
	int minutes[3];
	int first, left; /* in the window of the first: before, after */
} repeats[] = {
	{ { "order" }, { 0 }, 3, 3 },
	{ { "order", "order" }, { 0, 1 }, 3, 3 },
	{ { "order", "order" }, { 0, 2 }, 3, 0 },
	{ { "order", "other" }, { 0, 2 }, 3, 3 },
	{ { "order", "other", "order" }, { 0, 2, 4 }, 3, 0 },
	{ { "order", "order", "order" }, { 0, 2, 1 }, 3, 3 },
	{ { "order", "order" }, { 4, 0 }, 0, 3 },
	{ { "other", "order" }, { 4, 0 }, 0, 0 },
};

/* The window has ended, is told, and the next life begins. */
static void
live_on(struct world *w, struct life *l, int64_t newest)
{
	flush(w, l, newest, true);
	end(l);
	begin(w, l);
}

static void
a_text_that_comes_again_counts_in_its_newest_window(void **state)
{
	static const int64_t minute = 60000;
	struct streaming_metric_message m = { .chat = { "c", 1 },
		.user = { "u", 1 },
		.from = FROM_CUSTOMER,
		.counted = true };
	struct world w = { .dice = 1 };
	struct streaming_metric_message old;
	struct buf why = BUF_INIT;
	struct life l;
	char id[40];
	size_t i;
	int n;

	(void)state;
	tmpdir_file("t.conf", "", 0, 0600);
	w.conf = conf_load("t.conf", &why);
	assert_non_null(w.conf);
	for (i = 0; i < ARRAY_LEN(repeats); i++) {
		begin(&w, &l);
		for (n = 0; n < 3; n++) {
			m.id = name(id, "m", (uint64_t)n);
			m.at = START;
			if (n == 2)
				m.at += repeats[i].minutes[0] * minute;
			m.text =
			    text_of(n == 2 ? repeats[i].texts[0] : "order");
			streaming_metrics_message(l.streaming, &m, NULL);
		}
		live_on(&w, &l, START + 10 * minute);
		assert_int_equal(occurrences(&w, "order"), repeats[i].first);
		for (n = 1; n < 3 && repeats[i].texts[n] != NULL; n++) {
			old = m;
			m.at = START + repeats[i].minutes[n] * minute;
			m.text = text_of(repeats[i].texts[n]);
			streaming_metrics_message(l.streaming, &m, &old);
			live_on(&w, &l, START + 10 * minute);
		}
		assert_int_equal(occurrences(&w, "order"), repeats[i].left);
		end(&l);
		tmpdir_empty("state");
		assert_int_equal(rmdir("state"), 0);
		strmap_release(&w.table, free);
		w.table = (struct strmap)STRMAP_INIT;
	}
	conf_free(w.conf);
	buf_release(&why);
}

/* A window that is full, the one behind it filled by the latest of messages:
 * the first is in the state for as long as that. */
static void
neighbours_are_one_alert_however_late(void **state)
{
	static const int64_t five = 300000;
	struct streaming_metric_message m = { .chat = { "c", 1 },
		.user = { "u", 1 },
		.from = FROM_CUSTOMER,
		.counted = true };
	struct world w = { .dice = 1 };
	struct buf why = BUF_INIT, key = BUF_INIT, row = BUF_INIT;
	struct life l;
	char id[40];
	int n;

	(void)state;
	tmpdir_file("t.conf", CONF, strlen(CONF), 0600);
	w.conf = conf_load("t.conf", &why);
	assert_non_null(w.conf);
	begin(&w, &l);
	for (n = 0; n < 20; n++) {
		m.id = name(id, "m", (uint64_t)n);
		m.at = START + (n < 10 ? 0 : five);
		if (n == 10)
			live_on(&w, &l, START + five);
		/* As late as may be. */
		if (n == 19)
			live_on(&w, &l, START + 2 * five - 1 + WINDOW_MS);
		streaming_metrics_message(l.streaming, &m, NULL);
	}
	live_on(&w, &l, START + 3 * five + WINDOW_MS);
	buf_addf(&key, "alerts|%" PRId64 "|u|five_minutes", START);
	buf_addf(&row, "|%" PRId64 "|20|9", START + 2 * five);
	assert_string_equal(strmap_get(&w.table, key.data, key.len), row.data);
	end(&l);
	tmpdir_empty("state");
	assert_int_equal(rmdir("state"), 0);
	strmap_release(&w.table, free);
	conf_free(w.conf);
	buf_release(&key);
	buf_release(&row);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_text_that_comes_again_counts_in_its_newest_window),
		cmocka_unit_test(a_stream_ends_where_a_batch_does),
		cmocka_unit_test(neighbours_are_one_alert_however_late),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
