/*
 * notices: who is told that customers wait too long; see notice_metric.h.
 */
#include "aggregator/metrics/notice_metric.h"

#include <string.h>

#include "common/base/prog.h"

/* What the state has of a notice, besides its key. */
struct notice_entry {
	int64_t fired, over, value, target;
	uint8_t kind, channel_len;
	char channel[RECORD_MAX_ID];
};

struct notice_metric {
	struct keyed_state entries; /* rule, scope, chat, begin -> entry */
	struct notice_rules rules;
	struct notices *notices; /* NULL: no rules */
	const char *tenant;
	char id[NOTICE_ID]; /* of the row that was made last */
	/* Of the current evaluation. */
	notice_metric_fn *each;
	void *ctx;
};

static const struct streaming_metric_ops ops;

static struct key
key_of(const struct notice *n)
{
	struct key k = { .len = 0 };

	key_text(&k, n->rule);
	key_text(&k, n->scope);
	key_text(&k, n->chat);
	key_time(&k, n->begin);
	return k;
}

/* The texts are borrowed from the entry. */
static struct notice
notice_of(const struct notice_entry *e)
{
	struct text key = keyed_state_key(e);
	struct notice n = { .kind = (enum notice_kind)e->kind,
		.fired = e->fired,
		.over = e->over,
		.value = e->value,
		.target = e->target };
	size_t at = 0;

	n.rule = key_read_text(key, &at);
	n.scope = key_read_text(key, &at);
	n.chat = key_read_text(key, &at);
	if (n.chat.len == 0)
		n.chat.p = NULL;
	n.begin = key_read_time(key, &at);
	n.channel.p = e->channel_len > 0 ? e->channel : NULL;
	n.channel.len = e->channel_len;
	return n;
}

static void
put_entry(struct notice_metric *c, const struct notice *n)
{
	struct key k = key_of(n);
	struct notice_entry *e =
	    keyed_state_get(&c->entries, k.bytes, k.len, NULL);

	e->fired = n->fired;
	e->over = n->over;
	e->value = n->value;
	e->target = n->target;
	e->kind = (uint8_t)n->kind;
	e->channel_len = (uint8_t)n->channel.len;
	if (n->channel.len > 0)
		memcpy(e->channel, n->channel.p, n->channel.len);
	if (n->fired != CLOCK_NONE)
		keyed_state_emit(&c->entries, e);
	else
		keyed_state_change(&c->entries, e);
}

static void
delete_entry(struct notice_metric *c, const struct notice *n)
{
	struct key k = key_of(n);
	void *e = keyed_state_find(&c->entries, k.bytes, k.len);

	if (e != NULL)
		keyed_state_delete(&c->entries, e);
}

static void
on_change(void *ctx, const struct notice *n, bool dropped)
{
	struct notice_metric *c = ctx;

	if (dropped) {
		delete_entry(c, n);
		return;
	}
	put_entry(c, n);
	if (n->fired != CLOCK_NONE && c->each != NULL)
		c->each(c->ctx, n);
}

static void
restore_entry(void *ctx, struct keyed_state *k, void *payload)
{
	const struct notice n = notice_of(payload);

	(void)k;
	notices_restore(ctx, &n);
}

static void
notices_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct notice_metric *c = ctx;

	c->tenant = setup->tenant;
	keyed_state_open(
	    &c->entries, setup->home, "notices", sizeof(struct notice_entry));
	notice_rules_read(&c->rules, setup->conf, setup->tenant);
	/* Without a state it is a one-shot run. */
	if (setup->home->state != NULL && c->rules.n > 0)
		c->notices = notices_new(&c->rules);
}

static void
notices_close(void *ctx)
{
	struct notice_metric *c = ctx;

	notices_free(c->notices);
	notice_rules_release(&c->rules);
}

static void
notices_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct notice_metric *m = ctx;
	const struct notice n = notice_of(entry);
	struct cell *c;

	(void)which;
	if (n.fired == CLOCK_NONE)
		return;
	c = rowset_add(to); /* ends the last row, which borrows its id */
	notice_id(&n, m->tenant, m->id);
	c = cell_text(c, m->id);
	c = cell_id(c, n.rule);
	c = cell_text(c, notice_kind_names[n.kind]);
	c = cell_id(c, n.scope);
	c = n.chat.p != NULL ? cell_id(c, n.chat) : cell_text(c, "");
	c = cell_id(c, n.channel);
	c = cell_number(c, n.begin);
	c = cell_number(c, n.fired);
	c = cell_number(c, n.over);
	c = cell_number(c, n.value);
	(void)cell_number(c, n.target);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct notice_metric),
	.open = notices_open,
	.close = notices_close,
	.row = notices_row,
};

void
notice_metric_evaluate(struct streaming_metrics *f, const struct model *m,
    notice_metric_fn *each, void *ctx)
{
	struct notice_metric *c = streaming_metrics_find(f, &ops);

	if (c == NULL || c->notices == NULL)
		return;
	if (notices_due(c->notices) == INT64_MIN)
		keyed_state_each_saved(
		    &c->entries, NULL, 0, restore_entry, c->notices);
	c->each = each;
	c->ctx = ctx;
	notices_evaluate(c->notices, m, on_change, c);
}

int64_t
notice_metric_due(const struct streaming_metrics *f)
{
	const struct notice_metric *c = streaming_metrics_find(f, &ops);

	return c != NULL && c->notices != NULL ? notices_due(c->notices)
					       : INT64_MAX;
}

struct repeating {
	notice_metric_fn *each;
	void *ctx;
};

static void
repeat_entry(void *ctx, struct keyed_state *k, void *payload)
{
	const struct repeating *r = ctx;
	const struct notice n = notice_of(payload);

	(void)k;
	if (n.fired != CLOCK_NONE)
		r->each(r->ctx, &n);
}

void
notice_metric_repeat(
    struct streaming_metrics *f, notice_metric_fn *each, void *ctx)
{
	struct notice_metric *c = streaming_metrics_find(f, &ops);
	struct repeating r = { each, ctx };

	if (c != NULL)
		keyed_state_each_saved(&c->entries, NULL, 0, repeat_entry, &r);
}

const struct metric metric_notices = {
	.table = &tables[TABLE_notices],
	.streaming = &ops,
};
