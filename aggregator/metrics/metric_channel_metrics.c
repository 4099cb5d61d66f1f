/*
 * channel_metrics: for each channel and hour of the messages' own time, the
 * number of counted messages, how many are from customers (inbound) and how
 * many from operators and bots (outbound), and in how many chats they were.
 * Messages without a channel count under the empty name.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

#include "common/base/clock.h"

struct channel {
	uint64_t inbound, outbound;
	uint64_t chats;
};

struct channels {
	struct keyed_state table; /* (hour, channel) */
	struct keyed_state chats; /* (hour, channel, chat) -> nothing */
};

static void
channels_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct channels *f = ctx;

	keyed_state_open(
	    &f->table, setup->home, "channels", sizeof(struct channel));
	keyed_state_open(
	    &f->chats, setup->home, "channel_chats", sizeof(uint64_t));
	keyed_state_keep(&f->table, HOUR_MS);
	keyed_state_keep(&f->chats, HOUR_MS);
}

static void
channels_add(void *ctx, const struct streaming_metric_message *m)
{
	struct channels *f = ctx;
	struct channel *c;
	struct key k;
	void *chat;
	bool made;

	k.len = 0;
	key_time(&k, streaming_metric_span(m->at, HOUR_MS));
	key_text(&k, m->channel);
	c = keyed_state_get(&f->table, k.bytes, k.len, NULL);
	if (m->from == FROM_CUSTOMER)
		c->inbound++;
	else
		c->outbound++;
	keyed_state_emit(&f->table, c);
	key_text(&k, m->chat);
	chat = keyed_state_get(&f->chats, k.bytes, k.len, &made);
	if (!made)
		return;
	c->chats++;
	keyed_state_change(&f->chats, chat);
}

static void
channels_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry);
	const struct channel *h = entry;
	struct cell *c = rowset_add(to);
	size_t at = 0;

	(void)ctx;
	(void)which;
	c = cell_number(c, key_read_time(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_count(c, h->inbound + h->outbound);
	c = cell_count(c, h->inbound);
	c = cell_count(c, h->outbound);
	cell_count(c, h->chats);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct channels),
	.open = channels_open,
	.add = channels_add,
	.row = channels_row,
};

const struct metric metric_channel_metrics = {
	.table = &tables[TABLE_channel_metrics],
	.streaming = &ops,
};
