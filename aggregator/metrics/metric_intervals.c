/*
 * intervals: each first response, reply, resolution, unanswered wait and part
 * of a wait that a transfer cut, a row: the history from which any range,
 * calendar or rule can be computed again. Its key is when it ended, its chat,
 * the message that ended it and its kind. An interval that a late message
 * withdraws gets one more row, with `withdrawn` set.
 *
 * A row is kept only until it was written: then the database has it.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Stored as it lies: versions before have no channel, and zeros where its
 * length is. */
struct interval_row {
	int64_t start, ms;
	uint8_t withdrawn, has_operator, operator_len;
	char ids[RECORD_MAX_ID + 2]; /* the operator's, then the channel's */
	uint8_t channel_len;         /* 0: none */
};

_Static_assert(sizeof(struct interval_row) == 216, "states have such rows");

struct long_channel {
	char id[RECORD_MAX_ID];
};

struct intervals {
	struct keyed_state table; /* (end, chat, message, kind) */
	/* By the same key, for which the row has no room. */
	struct keyed_state long_channels;
};

static void *
intervals_open(const struct streaming_metric_setup *setup)
{
	struct intervals *f = xcalloc(1, sizeof *f);

	keyed_state_open(
	    &f->table, setup->home, "intervals", sizeof(struct interval_row));
	keyed_state_open(&f->long_channels, setup->home, "interval_channels",
	    sizeof(struct long_channel));
	return f;
}

static void
intervals_close(void *ctx)
{
	struct intervals *f = ctx;

	keyed_state_close(&f->table);
	keyed_state_close(&f->long_channels);
	free(f);
}

static bool
has_room(const struct interval_row *r)
{
	return r->operator_len + r->channel_len <= (int)sizeof r->ids;
}

static void
drop_long_channel(struct intervals *f, const struct interval_row *r)
{
	struct text key = keyed_state_key(r);
	struct long_channel *x;

	if (has_room(r))
		return;
	x = keyed_state_find(&f->long_channels, key.p, key.len);
	if (x != NULL)
		keyed_state_delete(&f->long_channels, x);
}

static void
keep_channel(struct intervals *f, struct interval_row *r, struct text channel)
{
	struct text key = keyed_state_key(r);
	struct long_channel *x;

	if (channel.p == NULL)
		return;
	r->channel_len = (uint8_t)channel.len;
	if (has_room(r)) {
		memcpy(r->ids + r->operator_len, channel.p, channel.len);
		return;
	}
	x = keyed_state_get(&f->long_channels, key.p, key.len, NULL);
	memcpy(x->id, channel.p, channel.len);
	keyed_state_change(&f->long_channels, x);
}

static struct text
channel_of(struct intervals *f, const struct interval_row *r)
{
	struct text key = keyed_state_key(r);
	const struct long_channel *x = NULL;

	if (r->channel_len == 0)
		return (struct text){ NULL, 0 };
	if (has_room(r))
		return (
		    struct text){ r->ids + r->operator_len, r->channel_len };
	x = keyed_state_find(&f->long_channels, key.p, key.len);
	return (struct text){ x != NULL ? x->id : NULL, r->channel_len };
}

static void
keep_interval(
    void *ctx, const struct streaming_metric_interval *i, bool withdrawn)
{
	struct intervals *f = ctx;
	struct key k;
	struct interval_row *r;

	k.len = 0;
	key_time(&k, i->end);
	key_text(&k, i->chat);
	key_text(&k, i->message);
	key_byte(&k, i->kind);
	r = keyed_state_get(&f->table, k.bytes, k.len, NULL);
	drop_long_channel(f, r);
	memset(r, 0, sizeof *r);
	r->start = i->start;
	r->ms = i->ms;
	r->withdrawn = withdrawn;
	r->has_operator = i->operator_id.p != NULL;
	r->operator_len = (uint8_t)i->operator_id.len;
	if (r->has_operator)
		memcpy(r->ids, i->operator_id.p, r->operator_len);
	keep_channel(f, r, i->channel);
	keyed_state_emit(&f->table, r);
}

static void
emit_interval(
    struct intervals *f, const struct interval_row *r, struct rowset *to)
{
	struct text key = keyed_state_key(r), operator_id = { NULL, 0 };
	struct cell *c = rowset_add(to);
	size_t at = 0;

	if (r->has_operator != 0) {
		operator_id.p = r->ids;
		operator_id.len = r->operator_len;
	}
	c = cell_time(c, key_read_time(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_text(c,
	    clocks_interval_name((enum interval_kind)key_read_byte(key, &at)));
	c = cell_time(c, r->start);
	c = cell_id(c, operator_id);
	c = cell_id(c, channel_of(f, r));
	c = cell_number(c, r->ms);
	cell_flag(c, true, r->withdrawn != 0);
}

static void
intervals_emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct intervals *f = ctx;
	const struct interval_row *r;
	size_t n, i;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		r = list[i];
		if (which == ROWS_CHANGED || r->withdrawn == 0)
			emit_interval(f, r, to);
	}
	free(list);
}

static void
intervals_sent(void *ctx)
{
	struct intervals *f = ctx;
	size_t n, i;
	void **list = keyed_state_list(&f->table, false, &n);

	for (i = 0; i < n; i++) {
		drop_long_channel(f, list[i]);
		keyed_state_delete(&f->table, list[i]);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = intervals_open,
	.close = intervals_close,
	.interval = keep_interval,
	.emit = intervals_emit,
	.sent = intervals_sent,
};

const struct metric metric_intervals = {
	.table = &tables[TABLE_intervals],
	.streaming = &ops,
};
