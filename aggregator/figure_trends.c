/*
 * trends: words that were in more than `trend_count` (2) messages that count
 * within a window (2 min) of the messages' own time, each word once a message,
 * of more than 3 characters and none of the stop words. What a word is says
 * words.h.
 *
 * A row is told when the tenant's newest time reaches the end of its window,
 * and again when a late message has the word. An edited message counts with
 * the words it came with: those of another version neither come nor go.
 *
 * One of several aggregators tells every word, whatever its count, and at each
 * refresh those of windows that go on: the view that adds them up applies the
 * threshold and knows which windows have ended.
 *
 * Without the text of messages there are no words; that is said once.
 */
#include "aggregator/flow.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strmap.h"
#include "common/xalloc.h"

#include "aggregator/words.h"

enum {
	/* After so many messages without any text it is said. */
	PATIENCE = 10000,
};

struct trends {
	struct keyed table;   /* (window, word) -> in how many messages */
	struct keyed windows; /* (window) -> how many words */
	struct calendar calendar;
	struct words words;
	struct strmap stop;
	struct flow_cap cap;
	const char *tenant;
	uint64_t more_than;
	int64_t length, window;
	size_t shortest;
	uint64_t messages, texts;
	bool told_missing, told_long;
	bool parts;
};

static const struct column columns[] = {
	{ "word", COLUMN_TEXT },
	{ "window_start", COLUMN_TIME },
	{ "window_end", COLUMN_TIME },
	{ "occurrences", COLUMN_COUNT },
};

static void
stop(struct trends *f, const char *p, size_t len)
{
	struct text word = { p, len };

	word = words_fold(&f->words, word);
	if (word.len > 0)
		*strmap_put(&f->stop, word.p, word.len) = f;
}

static void *
open_flow(const struct flow_setup *setup)
{
	struct trends *f = xcalloc(1, sizeof *f);
	char *const *word =
	    conf_list(setup->conf, "aggregator", "trend_stop_words");

	keyed_open(&f->table, setup->home, "trend_words", sizeof(uint64_t));
	keyed_open(&f->windows, setup->home, "trend_windows", sizeof(uint64_t));
	calendar_open(&f->calendar, setup->home, "trends_due");
	flow_cap_init(&f->cap, setup, "trend_words");
	f->tenant = setup->tenant;
	/* In parts only the sum tells what is too few. */
	f->parts = flow_in_parts(setup);
	if (!f->parts)
		f->more_than = (uint64_t)flow_conf(setup, "trend_count");
	f->shortest = (size_t)flow_conf(setup, "trend_length") + 1;
	f->length = flow_conf(setup, "trend_window");
	f->window = setup->home->window_ms;
	for (; *word != NULL; word++)
		stop(f, *word, strlen(*word));
	return f;
}

static void
say_missing(struct trends *f)
{
	if (f->told_missing || f->texts > 0 || f->messages == 0)
		return;
	f->told_missing = true;
	log_error("tenant '%s' has no trends: its messages come without text; "
		  "run the poller with --with-text",
	    f->tenant);
}

static void
close_flow(void *flow)
{
	struct trends *f = flow;

	keyed_close(&f->table);
	keyed_close(&f->windows);
	calendar_close(&f->calendar);
	words_release(&f->words);
	strmap_release(&f->stop, NULL);
	free(f);
}

/* Room for one more word in the window; counts it. */
static bool
has_room(struct trends *f, int64_t begin)
{
	struct key k;
	uint64_t *n;

	k.len = 0;
	key_time(&k, begin);
	n = keyed_get(&f->windows, k.bytes, k.len, NULL);
	if (!flow_cap_allows(&f->cap, *n, "more words in a window than that"))
		return false;
	*n += 1;
	keyed_change(&f->windows, n);
	return true;
}

static void
count(struct trends *f, int64_t begin, struct text word)
{
	struct key k;
	uint64_t *n;

	if (f->stop.live > 0 && strmap_get(&f->stop, word.p, word.len) != NULL)
		return;
	k.len = 0;
	key_time(&k, begin);
	key_text(&k, word);
	n = keyed_find(&f->table, k.bytes, k.len);
	if (n == NULL) {
		if (!has_room(f, begin))
			return;
		n = keyed_get(&f->table, k.bytes, k.len, NULL);
	}
	*n += 1;
	if (*n == f->more_than + 1)
		calendar_add(&f->calendar, begin + f->length, k.bytes, k.len);
	if (*n > f->more_than && begin + f->length <= f->table.home->newest)
		keyed_tell(&f->table, n);
	else
		keyed_change(&f->table, n);
}

static void
message(
    void *flow, const struct flow_message *m, const struct flow_message *old)
{
	struct trends *f = flow;
	int64_t begin = flow_span(m->at, f->length);
	size_t i;

	if (old != NULL || !m->counted)
		return;
	f->messages++;
	f->texts += m->text.p != NULL;
	if (f->messages == PATIENCE)
		say_missing(f);
	if (m->text.p == NULL)
		return;
	words_find(&f->words, m->text, f->shortest);
	for (i = 0; i < f->words.n; i++)
		count(f, begin, f->words.v[i]);
	if (!f->words.full || f->told_long)
		return;
	f->told_long = true;
	log_error("tenant '%s' has a message of more than %d different words; "
		  "the others are not counted",
	    f->tenant, WORDS_MOST);
}

/* The words of windows that go on, too. */
static void
tell_all(struct trends *f, int64_t newest)
{
	struct buf keys = BUF_INIT;
	struct text key;
	int64_t due;
	uint64_t *n;
	size_t at;

	while (calendar_next(&f->calendar, INT64_MAX, &key, &due)) {
		buf_add(&keys, &due, sizeof due);
		buf_add(&keys, &key.len, sizeof key.len);
		buf_add(&keys, key.p, key.len);
	}
	for (at = 0; at < keys.len; at += key.len) {
		memcpy(&due, keys.data + at, sizeof due);
		at += sizeof due;
		memcpy(&key.len, keys.data + at, sizeof key.len);
		at += sizeof key.len;
		key.p = keys.data + at;
		n = keyed_find(&f->table, key.p, key.len);
		if (n != NULL)
			keyed_tell(&f->table, n);
		if (due > newest)
			calendar_add(&f->calendar, due, key.p, key.len);
	}
	buf_release(&keys);
}

/* The words of windows that have ended. */
static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct trends *f = flow;
	struct text key;
	uint64_t *n;
	int64_t due;

	if (f->parts && refresh)
		tell_all(f, newest);
	while (calendar_next(&f->calendar, newest, &key, &due)) {
		n = keyed_find(&f->table, key.p, key.len);
		if (n != NULL)
			keyed_tell(&f->table, n);
	}
	if (f->window == 0)
		say_missing(f);
	if (f->window == 0 || newest == CLOCK_NONE)
		return;
	keyed_expire(&f->table, newest - f->window - f->length);
	keyed_expire(&f->windows, newest - f->window - f->length);
}

static void
emit_one(struct trends *f, uint64_t *n, bool all, struct rowset *to)
{
	struct text key = keyed_key(n), word;
	struct cell *c;
	int64_t begin;
	size_t at = 0;

	begin = key_read_time(key, &at);
	word = key_read_text(key, &at);
	if (all &&
	    (*n <= f->more_than ||
		(begin + f->length > f->table.home->newest && !f->parts)))
		return;
	c = rowset_add(to);
	c = flow_cell(c, word);
	c = cell_time(c, begin);
	c = cell_time(c, begin + f->length);
	cell_count(c, *n);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct trends *f = flow;
	size_t n, i;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++)
		emit_one(f, list[i], which == ROWS_ALL, to);
	free(list);
}

static const struct flow_ops ops = {
	.open = open_flow,
	.close = close_flow,
	.message = message,
	.settle = settle,
	.emit = emit,
};

extern const struct figure figure_trends;
const struct figure figure_trends = {
	.name = "trends",
	.table = "trends",
	.help = "words that many messages have",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
	.spans = true,
};
