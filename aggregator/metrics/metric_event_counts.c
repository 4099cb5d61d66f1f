/*
 * event_counts: how many events of each type each user caused. An event is
 * counted once by its id, however often it was delivered: the model recognises
 * duplicates.
 */
#include "aggregator/metrics/event_counts.h"
#include "aggregator/metrics/metrics.h"

struct event_counts {
	struct keyed_state table; /* (user, event) -> how many */
	struct keyed_state pairs; /* () -> number of entries of the table */
	struct streaming_metric_cap cap;
};

static void
counts_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct event_counts *f = ctx;

	keyed_state_open(
	    &f->table, setup->home, "event_counts", sizeof(uint64_t));
	keyed_state_open(
	    &f->pairs, setup->home, "event_pairs", sizeof(uint64_t));
	streaming_metric_cap_init(&f->cap, setup, "event_pairs");
	if (setup->all_events)
		f->cap.limit = UINT64_MAX;
}

/* Returns the count of the pair; NULL if there are too many pairs. */
static uint64_t *
get_count(struct event_counts *f, struct text user, struct text event)
{
	struct key k;
	uint64_t *n, *pairs;

	k.len = 0;
	key_text(&k, user);
	key_text(&k, event);
	n = keyed_state_find(&f->table, k.bytes, k.len);
	if (n != NULL)
		return n;
	pairs = keyed_state_get(&f->pairs, "", 0, NULL);
	if (!streaming_metric_cap_allows(
		&f->cap, *pairs, "more pairs of user and event"))
		return NULL;
	*pairs += 1;
	keyed_state_change(&f->pairs, pairs);
	return keyed_state_get(&f->table, k.bytes, k.len, NULL);
}

static void
add_events(
    struct event_counts *f, struct text user, struct text event, uint64_t more)
{
	uint64_t *n = get_count(f, user, event);

	if (n == NULL)
		return;
	*n += more;
	keyed_state_emit(&f->table, n);
}

static void
counts_event(void *ctx, struct text user, struct text event)
{
	add_events(ctx, user, event, 1);
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
	.size = sizeof(struct event_counts),
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
	struct event_counts *counts = streaming_metrics_find(f, &ops);
	struct counts_reader r = { each, ctx };

	keyed_state_each_saved(&counts->table, NULL, 0, read_count, &r);
}

struct counts_move {
	struct event_counts *counts;
	struct text alias;
};

static void
move_count(void *ctx, struct keyed_state *table, void *count)
{
	const struct counts_move *m = ctx;
	struct text key = keyed_state_key(count);
	size_t at = 0;

	(void)key_read_text(key, &at);
	add_events(
	    m->counts, m->alias, key_read_text(key, &at), *(uint64_t *)count);
	keyed_state_delete(table, count);
}

void
event_counts_rename(
    struct streaming_metrics *f, struct text user, struct text alias)
{
	struct counts_move m = { streaming_metrics_find(f, &ops), alias };
	struct key k;

	k.len = 0;
	key_text(&k, user);
	keyed_state_each_saved(
	    &m.counts->table, k.bytes, k.len, move_count, &m);
}

const struct metric metric_event_counts = {
	.table = &tables[TABLE_event_counts],
	.by_default = true,
	.streaming = &ops,
};
