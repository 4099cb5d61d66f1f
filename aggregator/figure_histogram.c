/*
 * response_hours and response_histogram: how long answers took, in parts that
 * add up: by operator, kind of interval and the hour in which it ended, how
 * many there were, their sum and their maximum; and the same in buckets
 * (histogram.h), from which a median or percentile over any operators, hours
 * and machines is read within 1/32. Kinds: first_response, reply, resolution,
 * unanswered. The operator of what is nobody's is empty.
 *
 * An interval that a late message did away with is taken back. The maximum is
 * then exact as long as peak.h is.
 */
#include "aggregator/flow.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "aggregator/histogram.h"
#include "aggregator/peak.h"

#define HOUR_MS (INT64_C(3600) * 1000)
/* A snapshot may correct what is older than the window. */
#define KEEP_MS (INT64_C(7) * 24 * HOUR_MS)

struct hour {
	uint64_t n;
	int64_t sum;
	struct peak_long longest;
};

/* Either flow: a table by (hour, kind, operator), of buckets by bucket, too. */
struct responses {
	struct keyed table;
	struct keyed before; /* (time, chat): such a message ended what was
				counted by another generation of parts */
	int64_t window;
	bool parts; /* else there is no such thing */
};

static const struct column hour_columns[] = {
	{ "operator", COLUMN_TEXT },
	{ "hour", COLUMN_TIME },
	{ "kind", COLUMN_TEXT },
	{ "responses", COLUMN_COUNT },
	{ "sum_ms", COLUMN_COUNT },
	{ "max_ms", COLUMN_COUNT },
};

static const struct column bucket_columns[] = {
	{ "operator", COLUMN_TEXT },
	{ "hour", COLUMN_TIME },
	{ "kind", COLUMN_TEXT },
	{ "bucket", COLUMN_COUNT },
	{ "count", COLUMN_COUNT },
};

static struct responses *
open_table(const struct flow_setup *setup, const char *name,
    const char *before_name, size_t payload)
{
	struct responses *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, name, payload);
	f->window = setup->home->window_ms;
	f->parts = flow_in_parts(setup);
	if (f->parts)
		keyed_open(
		    &f->before, setup->home, before_name, sizeof(uint64_t));
	return f;
}

static void *
open_hours(const struct flow_setup *setup)
{
	return open_table(setup, "response_hours", "response_hours_before",
	    sizeof(struct hour));
}

static void *
open_buckets(const struct flow_setup *setup)
{
	return open_table(setup, "response_buckets", "response_buckets_before",
	    sizeof(uint64_t));
}

static void
close_flow(void *flow)
{
	struct responses *f = flow;

	keyed_close(&f->table);
	if (f->parts)
		keyed_close(&f->before);
	free(f);
}

static void
before_key(struct key *k, int64_t at, struct text chat)
{
	k->len = 0;
	key_time(k, at);
	key_text(k, chat);
}

static void
before(void *flow, const struct flow_message *m)
{
	struct responses *f = flow;
	struct key k;
	uint64_t *n;

	if (!f->parts)
		return;
	before_key(&k, m->at, m->chat);
	n = keyed_get(&f->before, k.bytes, k.len, NULL);
	*n = 1;
	keyed_change(&f->before, n);
}

static bool
was_before(struct responses *f, const struct flow_interval *i)
{
	struct key k;

	if (!f->parts)
		return false;
	before_key(&k, i->end, i->chat);
	return keyed_find(&f->before, k.bytes, k.len) != NULL;
}

static bool
begin_key(struct key *k, const struct flow_interval *i)
{
	k->len = 0;
	key_time(k, flow_span(i->end, HOUR_MS));
	key_byte(k, i->kind);
	key_text(k, i->operator_id);
	return i->kind != INTERVAL_WAITING;
}

static void
add_to_hour(void *flow, const struct flow_interval *i, bool withdrawn)
{
	struct responses *f = flow;
	struct hour *h;
	struct key k;

	if (!begin_key(&k, i) || was_before(f, i))
		return;
	h = withdrawn ? keyed_find(&f->table, k.bytes, k.len)
		      : keyed_get(&f->table, k.bytes, k.len, NULL);
	if (h == NULL || (withdrawn && h->n == 0))
		return;
	h->n += withdrawn ? UINT64_MAX : UINT64_C(1);
	h->sum += withdrawn ? -i->ms : i->ms;
	if (withdrawn)
		peak_remove_long(&h->longest, i->ms);
	else
		peak_add_long(&h->longest, i->ms);
	keyed_tell(&f->table, h);
}

static void
add_to_bucket(void *flow, const struct flow_interval *i, bool withdrawn)
{
	struct responses *f = flow;
	struct key k;
	uint64_t *n;

	if (!begin_key(&k, i) || was_before(f, i))
		return;
	key_number(&k, histogram_bucket(i->ms));
	n = withdrawn ? keyed_find(&f->table, k.bytes, k.len)
		      : keyed_get(&f->table, k.bytes, k.len, NULL);
	if (n == NULL || (withdrawn && *n == 0))
		return;
	*n += withdrawn ? UINT64_MAX : UINT64_C(1);
	keyed_tell(&f->table, n);
}

static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct responses *f = flow;

	(void)refresh;
	if (f->window == 0 || newest == CLOCK_NONE)
		return;
	keyed_expire(&f->table, newest - f->window - KEEP_MS);
	if (f->parts)
		keyed_expire(&f->before, newest - f->window - KEEP_MS);
}

/* The cells that both tables begin with; *at: behind them in the key. */
static struct cell *
begin_row(const void *payload, struct rowset *to, struct text *key, size_t *at)
{
	struct cell *c = rowset_add(to);
	enum interval_kind kind;
	int64_t hour;

	*at = 0;
	*key = keyed_key(payload);
	hour = key_read_time(*key, at);
	kind = (enum interval_kind)key_read_byte(*key, at);
	c = flow_cell(c, key_read_text(*key, at));
	c = cell_time(c, hour);
	return cell_text(c, clocks_interval_name(kind));
}

static void
emit_hours(void *flow, struct rowset *to, enum figure_rows which)
{
	struct responses *f = flow;
	const struct hour *h;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		h = list[i];
		if (which == ROWS_ALL && h->n == 0)
			continue;
		c = begin_row(h, to, &key, &at);
		c = cell_count(c, h->n);
		c = cell_number(c, h->sum);
		cell_number(c, h->n > 0 ? peak_get_long(&h->longest) : 0);
	}
	free(list);
}

static void
emit_buckets(void *flow, struct rowset *to, enum figure_rows which)
{
	struct responses *f = flow;
	const uint64_t *count;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		count = list[i];
		if (which == ROWS_ALL && *count == 0)
			continue;
		c = begin_row(count, to, &key, &at);
		c = cell_count(c, key_read_number(key, &at));
		cell_count(c, *count);
	}
	free(list);
}

static const struct flow_ops hour_ops = {
	.open = open_hours,
	.close = close_flow,
	.before = before,
	.interval = add_to_hour,
	.settle = settle,
	.emit = emit_hours,
};

static const struct flow_ops bucket_ops = {
	.open = open_buckets,
	.close = close_flow,
	.before = before,
	.interval = add_to_bucket,
	.settle = settle,
	.emit = emit_buckets,
};

extern const struct figure figure_response_hours;
const struct figure figure_response_hours = {
	.name = "histograms",
	.table = "response_hours",
	.help = "answers by operator and hour, in parts that add up",
	.columns = hour_columns,
	.columns_n = ARRAY_LEN(hour_columns),
	.flow = &hour_ops,
	.spans = true,
};

extern const struct figure figure_response_histogram;
const struct figure figure_response_histogram = {
	.name = "histograms",
	.table = "response_histogram",
	.help = "the same in buckets, for medians and percentiles",
	.columns = bucket_columns,
	.columns_n = ARRAY_LEN(bucket_columns),
	.flow = &bucket_ops,
	.spans = true,
};
