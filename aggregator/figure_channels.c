/*
 * channel_metrics: of each channel, in each hour of the messages' own time:
 * the messages that count, those of customers (inbound) and of operators and
 * bots (outbound), and in how many chats they were. A message that names no
 * channel counts under the empty name. A later version of a message is taken
 * to be in the channel of the first.
 */
#include "aggregator/flow.h"

#include <stdlib.h>

#include "common/xalloc.h"

#define HOUR_MS (INT64_C(3600) * 1000)
/* Beside how many messages of a chat: another generation counted the chat. It
 * does not tell in which channel; a chat is taken to be in one. */
#define BEFORE (UINT64_C(1) << 63)
static const struct text some_channel = { "\1", 1 };

struct channel {
	uint64_t inbound, outbound;
	uint64_t chats;
};

struct channels {
	struct keyed table; /* (hour, channel) */
	struct keyed chats; /* (hour, channel, chat) -> how many messages */
	struct flow_cap cap;
	int64_t window;
	bool parts;
};

static const struct column columns[] = {
	{ "channel", COLUMN_TEXT },
	{ "hour", COLUMN_TIME },
	{ "messages", COLUMN_COUNT },
	{ "inbound_messages", COLUMN_COUNT },
	{ "outbound_messages", COLUMN_COUNT },
	{ "active_conversations", COLUMN_COUNT },
};

static void *
open_flow(const struct flow_setup *setup)
{
	struct channels *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, "channels", sizeof(struct channel));
	keyed_open(&f->chats, setup->home, "channel_chats", sizeof(uint64_t));
	flow_cap_init(&f->cap, setup, "channel_conversations");
	f->window = setup->home->window_ms;
	f->parts = flow_in_parts(setup);
	return f;
}

static void
close_flow(void *flow)
{
	struct channels *f = flow;

	keyed_close(&f->table);
	keyed_close(&f->chats);
	free(f);
}

static void
begin_key(struct key *k, int64_t at, struct text channel)
{
	k->len = 0;
	key_time(k, flow_span(at, HOUR_MS));
	key_text(k, channel);
}

static bool
was_before(struct channels *f, const struct flow_message *m)
{
	struct key k;

	if (!f->parts)
		return false;
	begin_key(&k, m->at, some_channel);
	key_text(&k, m->chat);
	return keyed_find(&f->chats, k.bytes, k.len) != NULL;
}

static void
add(struct channels *f, const struct flow_message *m)
{
	struct channel *c;
	struct key k;
	uint64_t *n;
	bool known;

	begin_key(&k, m->at, m->channel);
	c = keyed_get(&f->table, k.bytes, k.len, NULL);
	if (m->from == FROM_CUSTOMER)
		c->inbound++;
	else
		c->outbound++;
	keyed_tell(&f->table, c);
	key_text(&k, m->chat);
	n = keyed_find(&f->chats, k.bytes, k.len);
	if (n == NULL) {
		known = was_before(f, m);
		if (!known &&
		    !flow_cap_allows(&f->cap, c->chats,
			"a channel with more chats in an hour than that"))
			return;
		c->chats += !known;
		n = keyed_get(&f->chats, k.bytes, k.len, NULL);
		*n = known ? BEFORE : 0;
	}
	*n += 1;
	keyed_change(&f->chats, n);
}

static void
take_back(struct channels *f, const struct flow_message *m, struct text channel)
{
	struct channel *c;
	struct key k;
	uint64_t *n, *side;

	begin_key(&k, m->at, channel);
	c = keyed_find(&f->table, k.bytes, k.len);
	if (c == NULL)
		return;
	side = m->from == FROM_CUSTOMER ? &c->inbound : &c->outbound;
	if (*side == 0)
		return;
	*side -= 1;
	keyed_tell(&f->table, c);
	key_text(&k, m->chat);
	n = keyed_find(&f->chats, k.bytes, k.len);
	if (n == NULL)
		return;
	keyed_change(&f->chats, n);
	/* Its messages of before are not to be taken back here. */
	if (*n != BEFORE && --*n == 0) {
		keyed_delete(&f->chats, n);
		c->chats--;
	}
}

static void
before(void *flow, const struct flow_message *m)
{
	struct channels *f = flow;
	struct key k;
	uint64_t *n;

	if (!f->parts || !m->counted)
		return;
	begin_key(&k, m->at, some_channel);
	key_text(&k, m->chat);
	n = keyed_get(&f->chats, k.bytes, k.len, NULL);
	*n = BEFORE;
	keyed_change(&f->chats, n);
}

static void
message(
    void *flow, const struct flow_message *m, const struct flow_message *old)
{
	if (old != NULL && old->counted)
		take_back(flow, old, m->channel);
	if (m->counted)
		add(flow, m);
}

static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct channels *f = flow;

	(void)refresh;
	if (f->window == 0 || newest == CLOCK_NONE)
		return;
	keyed_expire(&f->table, newest - f->window - HOUR_MS);
	keyed_expire(&f->chats, newest - f->window - HOUR_MS);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct channels *f = flow;
	const struct channel *h;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	int64_t hour;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		h = list[i];
		if (which == ROWS_ALL && h->inbound + h->outbound == 0)
			continue;
		key = keyed_key(h);
		at = 0;
		hour = key_read_time(key, &at);
		c = rowset_add(to);
		c = flow_cell(c, key_read_text(key, &at));
		c = cell_time(c, hour);
		c = cell_count(c, h->inbound + h->outbound);
		c = cell_count(c, h->inbound);
		c = cell_count(c, h->outbound);
		cell_count(c, h->chats);
	}
	free(list);
}

static const struct flow_ops ops = {
	.open = open_flow,
	.close = close_flow,
	.message = message,
	.before = before,
	.settle = settle,
	.emit = emit,
};

extern const struct figure figure_channels;
const struct figure figure_channels = {
	.name = "channels",
	.table = "channel_metrics",
	.help = "each channel's messages an hour",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
	.spans = true,
};
