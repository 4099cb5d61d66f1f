/*
 * trends: words that occurred in more than `trend_count` (2) counted messages
 * within a window (2 min) of the messages' own time. A word counts once per
 * message; it has more than 3 characters and is not a stop word. text_words.h
 * defines words.
 *
 * A row is written when the tenant's newest time reaches the end of its window,
 * and again if a late message contains the word. An edited message counts with
 * the words of its first version, regardless of later versions.
 *
 * Messages without text have no words; if trends was selected by its name, this
 * is logged once.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"
#include "aggregator/words/text_words.h"

#include <string.h>

#include "common/base/log.h"
#include "common/containers/strmap.h"
#include "common/digest/hash.h"

enum {
	/* A log message reports if none of this many messages had a text. */
	MISSING_TEXT_AFTER = 10000,
};

struct trends {
	struct keyed_state table; /* (window, word) -> number of messages */
	struct timer_queue timer_queue;
	struct strmap stop;
	const char *tenant;
	uint64_t more_than;
	int64_t length, window;
	size_t shortest;
	uint64_t messages, texts_n;
	bool warns; /* if messages have no text, once */
};

/* The words of one text. One thread reads the texts of all tenants; this is
 * larger than anything else that a tenant with few messages needs. */
static struct words words;

/* An entry may consist of several words, such as "don't". */
static void
add_stop_words(struct trends *f, const char *entry)
{
	size_t i;

	words_find(&words, text_from(entry), 1);
	for (i = 0; i < words.n; i++)
		*strmap_put(&f->stop, words.v[i].p, words.v[i].len) = f;
}

/* True if trends was selected by its name: "all" may leave it out. */
static bool
is_asked_for(const struct conf *conf)
{
	char *const *name = conf_list(conf, "aggregator", "metrics");

	while (*name != NULL && strcmp(*name, "trends") != 0)
		name++;
	return *name != NULL;
}

static void
trends_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct trends *f = ctx;
	char *const *word =
	    conf_list(setup->conf, "aggregator", "trend_stop_words");

	keyed_state_open(
	    &f->table, setup->home, "trend_words", sizeof(uint64_t));
	timer_queue_open(&f->timer_queue, setup->home, "trends_due");
	f->tenant = setup->tenant;
	f->warns = is_asked_for(setup->conf);
	f->more_than = (uint64_t)streaming_metric_conf(setup, "trend_count");
	f->shortest = (size_t)streaming_metric_conf(setup, "trend_length") + 1;
	f->length = streaming_metric_conf(setup, "trend_window");
	f->window = setup->home->window_ms;
	keyed_state_keep(&f->table, f->length);
	for (; *word != NULL; word++)
		add_stop_words(f, *word);
}

static void
report_missing_text(struct trends *f)
{
	if (!f->warns || f->texts_n > 0 || f->messages == 0)
		return;
	f->warns = false;
	log_warn("tenant '%s' has no trends: its messages have no text; run "
		 "the poller with --with-text",
	    f->tenant);
}

static void
trends_close(void *ctx)
{
	struct trends *f = ctx;

	strmap_release(&f->stop, NULL);
}

static void
count_word(struct trends *f, int64_t begin, struct text word)
{
	struct key k;
	uint64_t *n;

	if (f->stop.live > 0 && strmap_get(&f->stop, word.p, word.len) != NULL)
		return;
	k.len = 0;
	key_time(&k, begin);
	key_text(&k, word);
	n = keyed_state_get(&f->table, k.bytes, k.len, NULL);
	*n += 1;
	if (*n == f->more_than + 1)
		timer_queue_add(
		    &f->timer_queue, begin + f->length, k.bytes, k.len);
	/* Until its window ends, the word has no row. */
	if (*n > f->more_than && begin + f->length <= f->table.home->newest)
		keyed_state_emit(&f->table, n);
	else
		keyed_state_change(&f->table, n);
}

static void
trends_add(void *ctx, const struct streaming_metric_message *m)
{
	struct trends *f = ctx;
	int64_t begin = streaming_metric_span(m->at, f->length);
	size_t i;

	f->messages++;
	f->texts_n += m->text.p != NULL;
	if (f->messages == MISSING_TEXT_AFTER)
		report_missing_text(f);
	if (m->text.p == NULL)
		return;
	words_find(&words, m->text, f->shortest);
	for (i = 0; i < words.n; i++)
		count_word(f, begin, words.v[i]);
}

/* Marks the words of windows that have ended as changed rows. */
static void
trends_advance(void *ctx, int64_t newest)
{
	struct trends *f = ctx;
	struct text key;
	uint64_t *n;
	int64_t due;

	while (timer_queue_next(&f->timer_queue, newest, &key, &due)) {
		n = keyed_state_find(&f->table, key.p, key.len);
		/* The count may have fallen since the word was queued. */
		if (n != NULL && *n > f->more_than)
			keyed_state_emit(&f->table, n);
	}
	if (f->window == 0)
		report_missing_text(f);
}

static void
trends_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry), word;
	const struct trends *f = ctx;
	const uint64_t *n = entry;
	struct cell *c;
	int64_t begin;
	size_t at = 0;

	begin = key_read_time(key, &at);
	word = key_read_text(key, &at);
	if (which == ROWS_ALL &&
	    (*n <= f->more_than || begin + f->length > f->table.home->newest))
		return;
	c = rowset_add(to);
	c = cell_number(c, begin);
	c = cell_id(c, word);
	c = cell_number(c, begin + f->length);
	cell_count(c, *n > f->more_than ? *n : 0);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct trends),
	.open = trends_open,
	.close = trends_close,
	.add = trends_add,
	.advance = trends_advance,
	.row = trends_row,
};

const struct metric metric_trends = {
	.table = &tables[TABLE_trends],
	.streaming = &ops,
};
