/*
 * event_counts: how many events of each type each user caused. An event is
 * counted once by its id, however often it was delivered: the model recognises
 * duplicates.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

/* (user, event) -> how many */
static void
counts_open(void *table, const struct streaming_metric_setup *setup)
{
	keyed_state_open(table, setup->home, "event_counts", sizeof(uint64_t));
}

static void
add_events(struct keyed_state *table, struct text user, struct text event,
    uint64_t more)
{
	struct key k;
	uint64_t *n;

	k.len = 0;
	key_text(&k, user);
	key_text(&k, event);
	n = keyed_state_get(table, k.bytes, k.len, NULL);
	*n += more;
	keyed_state_emit(table, n);
}

static void
counts_event(void *table, struct text user, struct text event)
{
	add_events(table, user, event, 1);
}

static void
counts_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry);
	const uint64_t *count = entry;
	struct cell *c = rowset_add(to);
	size_t at = 0;

	(void)ctx;
	(void)which;
	c = cell_id(c, key_read_text(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	cell_count(c, *count);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct keyed_state),
	.open = counts_open,
	.event = counts_event,
	.row = counts_row,
};

struct counts_reader {
	void (*each)(
	    void *ctx, struct text user, struct text event, uint64_t n);
	void *ctx;
};

static void
read_count(void *ctx, struct keyed_state *table, void *count)
{
	const struct counts_reader *r = ctx;
	struct text key = keyed_state_key(count), user;
	size_t at = 0;

	(void)table;
	user = key_read_text(key, &at);
	r->each(r->ctx, user, key_read_text(key, &at), *(uint64_t *)count);
}

void
event_counts_each(struct streaming_metrics *f,
    void (*each)(void *ctx, struct text user, struct text event, uint64_t n),
    void *ctx)
{
	struct counts_reader r = { each, ctx };

	keyed_state_each_saved(
	    streaming_metrics_find(f, &ops), NULL, 0, read_count, &r);
}

/* Adds the count to the alias, the context, and deletes it. */
static void
move_count(void *ctx, struct keyed_state *table, void *count)
{
	const struct text *alias = ctx;
	struct text key = keyed_state_key(count);
	size_t at = 0;

	(void)key_read_text(key, &at);
	add_events(table, *alias, key_read_text(key, &at), *(uint64_t *)count);
	keyed_state_delete(table, count);
}

void
event_counts_rename(
    struct streaming_metrics *f, struct text user, struct text alias)
{
	struct key k;

	k.len = 0;
	key_text(&k, user);
	keyed_state_each_saved(streaming_metrics_find(f, &ops), k.bytes, k.len,
	    move_count, &alias);
}

const struct metric metric_event_counts = {
	.table = &tables[TABLE_event_counts],
	.by_default = true,
	.streaming = &ops,
};
