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
#include "aggregator/metrics/metrics.h"
#include "aggregator/metrics/streaming_metric.h"

#include "common/base/clock.h"
#include "common/containers/duration_bucket.h"

#include "aggregator/containers/top_values.h"

struct hour {
	uint64_t n;
	int64_t sum;
	struct top_values longest;
};

/* (hour, kind, operator) -> struct hour */
static void
open_hours(void *table, const struct streaming_metric_setup *setup)
{
	keyed_state_open(
	    table, setup->home, "response_hours", sizeof(struct hour));
	keyed_state_keep(table, MODEL_CORRECTS_MS + HOUR_MS);
}

/* (hour, kind, operator, bucket) -> number of responses */
static void
open_buckets(void *table, const struct streaming_metric_setup *setup)
{
	keyed_state_open(
	    table, setup->home, "response_buckets", sizeof(uint64_t));
	keyed_state_keep(table, MODEL_CORRECTS_MS + HOUR_MS);
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
    void *table, const struct streaming_metric_interval *i, bool withdrawn)
{
	struct hour *h;
	struct key k;

	if (!response_hour_key(&k, i))
		return;
	h = withdrawn ? keyed_state_find(table, k.bytes, k.len)
		      : keyed_state_get(table, k.bytes, k.len, NULL);
	if (h == NULL || (withdrawn && h->n == 0))
		return;
	h->n += withdrawn ? UINT64_MAX : UINT64_C(1);
	h->sum += withdrawn ? -i->ms : i->ms;
	if (withdrawn)
		top_values_remove(&h->longest, i->ms);
	else
		top_values_add(&h->longest, i->ms);
	keyed_state_emit(table, h);
}

static void
add_to_bucket(
    void *table, const struct streaming_metric_interval *i, bool withdrawn)
{
	struct key k;
	uint64_t *n;

	if (!response_hour_key(&k, i))
		return;
	key_number(&k, duration_bucket(i->ms));
	n = withdrawn ? keyed_state_find(table, k.bytes, k.len)
		      : keyed_state_get(table, k.bytes, k.len, NULL);
	if (n == NULL || (withdrawn && *n == 0))
		return;
	*n += withdrawn ? UINT64_MAX : UINT64_C(1);
	keyed_state_emit(table, n);
}

/* Writes the first cells of both tables; *at becomes the rest of the key. */
static struct cell *
begin_response_row(struct text key, struct rowset *to, size_t *at)
{
	struct cell *c = rowset_add(to);
	enum interval_kind kind;

	c = cell_number(c, key_read_time(key, at));
	kind = (enum interval_kind)key_read_byte(key, at);
	c = cell_id(c, key_read_text(key, at));
	return cell_text(c, clocks_interval_name(kind));
}

static void
hours_row(
    void *table, const void *entry, struct rowset *to, enum metric_rows which)
{
	const struct hour *h = entry;
	struct cell *c;
	size_t at = 0;

	(void)table;
	if (which == ROWS_ALL && h->n == 0)
		return;
	c = begin_response_row(keyed_state_key(h), to, &at);
	c = cell_count(c, h->n);
	c = cell_number(c, h->sum);
	cell_number(c, h->n > 0 ? top_values_get(&h->longest) : 0);
}

static void
buckets_row(
    void *table, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry);
	const uint64_t *count = entry;
	struct cell *c;
	size_t at = 0;

	(void)table;
	if (which == ROWS_ALL && *count == 0)
		return;
	c = begin_response_row(key, to, &at);
	c = cell_count(c, key_read_number(key, &at));
	cell_count(c, *count);
}

static const struct streaming_metric_ops hour_ops = {
	.size = sizeof(struct keyed_state),
	.open = open_hours,
	.interval = add_to_hour,
	.row = hours_row,
};

static const struct streaming_metric_ops bucket_ops = {
	.size = sizeof(struct keyed_state),
	.open = open_buckets,
	.interval = add_to_bucket,
	.row = buckets_row,
};

const struct metric metric_response_hours = {
	.table = &tables[TABLE_response_hours],
	.streaming = &hour_ops,
};

const struct metric metric_response_histogram = {
	.table = &tables[TABLE_response_histogram],
	.streaming = &bucket_ops,
};
