/*
 * response_hours and response_histogram: response times in rows of several
 * aggregators that can be added up. response_hours has the number, sum and
 * maximum by operator, kind of interval and the hour in which it ended;
 * response_histogram has the number in each bucket (duration_bucket.h), from
 * which a median or percentile over any operators, hours and aggregators
 * follows with an error of at most 1/32. Kinds: first_response, reply,
 * resolution, unanswered. Intervals without an operator have an empty one.
 *
 * An interval that a late message withdraws is subtracted. The maximum is then
 * as exact as top_values.h says.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"

#include "aggregator/containers/top_values.h"

/* A snapshot may correct hours older than the window. */
#define KEEP_MS (7 * DAY_MS)

struct hour {
	uint64_t n;
	int64_t sum;
	struct top_values longest;
};

/* Either metric: a table with the key (hour, kind, operator), in
 * response_histogram followed by the bucket. */
struct responses {
	struct keyed_state table;
	int64_t window;
};

static struct responses *
open_responses(const struct streaming_metric_setup *setup, const char *name,
    size_t payload)
{
	struct responses *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, name, payload);
	f->window = setup->home->window_ms;
	return f;
}

static void *
open_hours(const struct streaming_metric_setup *setup)
{
	return open_responses(setup, "response_hours", sizeof(struct hour));
}

static void *
open_buckets(const struct streaming_metric_setup *setup)
{
	return open_responses(setup, "response_buckets", sizeof(uint64_t));
}

static void
responses_close(void *ctx)
{
	struct responses *f = ctx;

	keyed_state_close(&f->table);
	free(f);
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
    void *ctx, const struct streaming_metric_interval *i, bool withdrawn)
{
	struct responses *f = ctx;
	struct hour *h;
	struct key k;

	if (!response_hour_key(&k, i))
		return;
	h = withdrawn ? keyed_state_find(&f->table, k.bytes, k.len)
		      : keyed_state_get(&f->table, k.bytes, k.len, NULL);
	if (h == NULL || (withdrawn && h->n == 0))
		return;
	h->n += withdrawn ? UINT64_MAX : UINT64_C(1);
	h->sum += withdrawn ? -i->ms : i->ms;
	if (withdrawn)
		top_values_remove(&h->longest, i->ms);
	else
		top_values_add(&h->longest, i->ms);
	keyed_state_emit(&f->table, h);
}

static void
add_to_bucket(
    void *ctx, const struct streaming_metric_interval *i, bool withdrawn)
{
	struct responses *f = ctx;
	struct key k;
	uint64_t *n;

	if (!response_hour_key(&k, i))
		return;
	key_number(&k, duration_bucket(i->ms));
	n = withdrawn ? keyed_state_find(&f->table, k.bytes, k.len)
		      : keyed_state_get(&f->table, k.bytes, k.len, NULL);
	if (n == NULL || (withdrawn && *n == 0))
		return;
	*n += withdrawn ? UINT64_MAX : UINT64_C(1);
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
}

/* Writes the first cells of both tables; sets *at to the rest of the key. */
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
		cell_number(c, h->n > 0 ? top_values_get(&h->longest) : 0);
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
	.interval = add_to_hour,
	.advance = responses_advance,
	.emit = emit_hours,
};

static const struct streaming_metric_ops bucket_ops = {
	.open = open_buckets,
	.close = responses_close,
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
