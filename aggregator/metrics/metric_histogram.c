/*
 * response_hours and response_histogram: how long answers took, in rows of
 * several aggregators that add up: by operator, kind of interval and the hour
 * in which it ended, how many there were, their sum and their maximum; and the
 * same in buckets (histogram.h), from which a median or percentile over any
 * operators, hours and aggregators is read within 1/32. Kinds: first_response,
 * reply, resolution, unanswered. An interval of nobody has an empty operator.
 *
 * An interval that a late message retracts is subtracted. The maximum is then
 * exact as far as top_values.h is.
 *
 * What an earlier generation counts stays as it is: retracted here, it leaves a
 * gap, which the next interval of that kind and start fills uncounted. So an
 * answer that comes before the one that was counted does not count again.
 */
#include "aggregator/metrics/streaming_metric.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/histogram.h"

#include "aggregator/containers/top_values.h"

/* A snapshot may correct hours that are older than the window. */
#define KEEP_MS (7 * DAY_MS)

struct hour {
	uint64_t n;
	int64_t sum;
	struct top_values_long longest;
};

/* Either metric: a table by (hour, kind, operator), that of buckets by bucket,
 * too. */
struct responses {
	struct keyed_state table;
	/* What an earlier generation counts: (time, chat, message) ended it; no
	 * message: a chat record did. Besides, for each interval that fills a
	 * gap (end, chat, message, kind), and (start, chat, "", kind, "")
	 * for the gaps that are left, with their number. */
	struct keyed_state elsewhere;
	int64_t window;
	bool parts; /* false: `elsewhere` is not open */
};

static struct responses *
open_responses(const struct streaming_metric_setup *setup, const char *name,
    const char *elsewhere_name, size_t payload)
{
	struct responses *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, name, payload);
	f->window = setup->home->window_ms;
	f->parts = streaming_metric_in_parts(setup);
	if (f->parts)
		keyed_state_open(&f->elsewhere, setup->home, elsewhere_name,
		    sizeof(uint64_t));
	return f;
}

static void *
open_hours(const struct streaming_metric_setup *setup)
{
	return open_responses(setup, "response_hours", "response_hours_before",
	    sizeof(struct hour));
}

static void *
open_buckets(const struct streaming_metric_setup *setup)
{
	return open_responses(setup, "response_buckets",
	    "response_buckets_before", sizeof(uint64_t));
}

static void
responses_close(void *ctx)
{
	struct responses *f = ctx;

	keyed_state_close(&f->table);
	if (f->parts)
		keyed_state_close(&f->elsewhere);
	free(f);
}

static void
elsewhere_key(struct key *k, int64_t at, struct text chat, struct text message)
{
	k->len = 0;
	key_time(k, at);
	key_text(k, chat);
	key_text(k, message);
}

static void
responses_counted_elsewhere(void *ctx, const struct streaming_metric_message *m)
{
	struct responses *f = ctx;
	struct key k;
	uint64_t *n;

	if (!f->parts)
		return;
	elsewhere_key(&k, m->at, m->chat, m->id);
	n = keyed_state_get(&f->elsewhere, k.bytes, k.len, NULL);
	*n = 1;
	keyed_state_change(&f->elsewhere, n);
}

static void
gap_key(struct key *k, const struct streaming_metric_interval *i)
{
	const struct text none = { NULL, 0 };

	elsewhere_key(k, i->start, i->chat, none);
	key_byte(k, i->kind);
	key_text(k, none);
}

static void
open_gap(struct responses *f, const struct streaming_metric_interval *i)
{
	struct key k;
	uint64_t *gaps;

	gap_key(&k, i);
	gaps = keyed_state_get(&f->elsewhere, k.bytes, k.len, NULL);
	++*gaps;
	keyed_state_change(&f->elsewhere, gaps);
}

/* False: there is none. */
static bool
fill_gap(struct responses *f, const struct streaming_metric_interval *i)
{
	struct key k;
	uint64_t *gaps;

	gap_key(&k, i);
	gaps = keyed_state_find(&f->elsewhere, k.bytes, k.len);
	if (gaps == NULL)
		return false;
	if (--*gaps == 0)
		keyed_state_delete(&f->elsewhere, gaps);
	else
		keyed_state_change(&f->elsewhere, gaps);
	return true;
}

/* Notes that the interval fills a gap, until it is retracted. */
static void
put_filler(struct responses *f, const struct key *k)
{
	uint64_t *n = keyed_state_get(&f->elsewhere, k->bytes, k->len, NULL);

	*n = 1;
	keyed_state_change(&f->elsewhere, n);
}

/* Called once for each interval. */
static bool
is_counted_elsewhere(struct responses *f,
    const struct streaming_metric_interval *i, bool retracted)
{
	struct key k;
	uint64_t *filler;
	bool known;

	if (!f->parts)
		return false;
	elsewhere_key(&k, i->end, i->chat, i->message);
	known = keyed_state_find(&f->elsewhere, k.bytes, k.len) != NULL;
	key_byte(&k, i->kind);
	filler = keyed_state_find(&f->elsewhere, k.bytes, k.len);
	if (!retracted && fill_gap(f, i)) {
		if (!known)
			put_filler(f, &k);
		return true;
	}
	if (retracted && (known || filler != NULL))
		open_gap(f, i);
	known |= filler != NULL;
	if (retracted && filler != NULL)
		keyed_state_delete(&f->elsewhere, filler);
	return known;
}

static bool
response_hour_key(struct key *k, const struct streaming_metric_interval *i)
{
	k->len = 0;
	key_time(k, streaming_metric_span(i->end, HOUR_MS));
	key_byte(k, i->kind);
	key_text(k, i->operator_id);
	return i->kind != INTERVAL_WAITING;
}

static void
add_to_hour(
    void *ctx, const struct streaming_metric_interval *i, bool retracted)
{
	struct responses *f = ctx;
	struct hour *h;
	struct key k;

	if (!response_hour_key(&k, i) || is_counted_elsewhere(f, i, retracted))
		return;
	h = retracted ? keyed_state_find(&f->table, k.bytes, k.len)
		      : keyed_state_get(&f->table, k.bytes, k.len, NULL);
	if (h == NULL || (retracted && h->n == 0))
		return;
	h->n += retracted ? UINT64_MAX : UINT64_C(1);
	h->sum += retracted ? -i->ms : i->ms;
	if (retracted)
		top_values_remove_long(&h->longest, i->ms);
	else
		top_values_add_long(&h->longest, i->ms);
	keyed_state_emit(&f->table, h);
}

static void
add_to_bucket(
    void *ctx, const struct streaming_metric_interval *i, bool retracted)
{
	struct responses *f = ctx;
	struct key k;
	uint64_t *n;

	if (!response_hour_key(&k, i) || is_counted_elsewhere(f, i, retracted))
		return;
	key_number(&k, histogram_bucket(i->ms));
	n = retracted ? keyed_state_find(&f->table, k.bytes, k.len)
		      : keyed_state_get(&f->table, k.bytes, k.len, NULL);
	if (n == NULL || (retracted && *n == 0))
		return;
	*n += retracted ? UINT64_MAX : UINT64_C(1);
	keyed_state_emit(&f->table, n);
}

static void
responses_advance(void *ctx, int64_t newest, bool refresh)
{
	struct responses *f = ctx;

	(void)refresh;
	if (f->window == 0 || newest == CLOCK_NONE)
		return;
	keyed_state_expire(&f->table, newest - f->window - KEEP_MS);
	if (f->parts)
		keyed_state_expire(&f->elsewhere, newest - f->window - KEEP_MS);
}

/* The cells that both tables begin with; *at: after them in the key. */
static struct cell *
begin_response_row(
    const void *payload, struct rowset *to, struct text *key, size_t *at)
{
	struct cell *c = rowset_add(to);
	enum interval_kind kind;
	int64_t hour;

	*at = 0;
	*key = keyed_state_key(payload);
	hour = key_read_time(*key, at);
	kind = (enum interval_kind)key_read_byte(*key, at);
	c = cell_time(c, hour);
	c = cell_id(c, key_read_text(*key, at));
	return cell_text(c, clocks_interval_name(kind));
}

static void
emit_hours(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct responses *f = ctx;
	const struct hour *h;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		h = list[i];
		if (which == ROWS_ALL && h->n == 0)
			continue;
		c = begin_response_row(h, to, &key, &at);
		c = cell_count(c, h->n);
		c = cell_number(c, h->sum);
		cell_number(c, h->n > 0 ? top_values_get_long(&h->longest) : 0);
	}
	free(list);
}

static void
emit_buckets(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct responses *f = ctx;
	const uint64_t *count;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		count = list[i];
		if (which == ROWS_ALL && *count == 0)
			continue;
		c = begin_response_row(count, to, &key, &at);
		c = cell_count(c, key_read_number(key, &at));
		cell_count(c, *count);
	}
	free(list);
}

static const struct streaming_metric_ops hour_ops = {
	.open = open_hours,
	.close = responses_close,
	.counted_elsewhere = responses_counted_elsewhere,
	.interval = add_to_hour,
	.advance = responses_advance,
	.emit = emit_hours,
};

static const struct streaming_metric_ops bucket_ops = {
	.open = open_buckets,
	.close = responses_close,
	.counted_elsewhere = responses_counted_elsewhere,
	.interval = add_to_bucket,
	.advance = responses_advance,
	.emit = emit_buckets,
};

const struct metric metric_response_hours = {
	.table = &tables[TABLE_response_hours],
	.streaming = &hour_ops,
};

const struct metric metric_response_histogram = {
	.table = &tables[TABLE_response_histogram],
	.streaming = &bucket_ops,
};
