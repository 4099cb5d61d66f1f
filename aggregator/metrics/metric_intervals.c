/*
 * intervals: one row for each first response, reply, resolution, unanswered
 * wait and part of a wait that a transfer split. Any range, calendar or rule
 * can later be computed from these rows. The key consists of the interval's
 * end, the chat, the message that ended it and the kind. If a late message
 * withdraws an interval, one more row is written, with `withdrawn` set.
 *
 * An interval is kept only until its row is made, so it is deleted at once, and
 * the table is in memory.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

struct interval_row {
	int64_t start, ms;
	uint8_t withdrawn, has_operator, operator_len;
	uint8_t channel_len;         /* 0: no channel */
	char ids[2 * RECORD_MAX_ID]; /* the operator's id, followed by the
				      * channel */
};

struct intervals {
	struct keyed_state table; /* (end, chat, message, kind) */
};

static void *
intervals_open(const struct streaming_metric_setup *setup)
{
	struct intervals *f = xcalloc(1, sizeof *f);

	keyed_state_open(
	    &f->table, setup->home, NULL, sizeof(struct interval_row));
	return f;
}

static void
intervals_close(void *ctx)
{
	struct intervals *f = ctx;

	keyed_state_close(&f->table);
	free(f);
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
	memset(r, 0, sizeof *r);
	r->start = i->start;
	r->ms = i->ms;
	r->withdrawn = withdrawn;
	r->has_operator = i->operator_id.p != NULL;
	r->operator_len = (uint8_t)i->operator_id.len;
	if (r->has_operator)
		memcpy(r->ids, i->operator_id.p, r->operator_len);
	r->channel_len = (uint8_t)i->channel.len;
	if (r->channel_len > 0)
		memcpy(r->ids + r->operator_len, i->channel.p, r->channel_len);
	keyed_state_emit(&f->table, r);
	keyed_state_delete(&f->table, r);
}

static void
emit_interval(const struct interval_row *r, struct rowset *to)
{
	struct text key = keyed_state_key(r), operator_id = { NULL, 0 };
	struct text channel = { NULL, 0 };
	struct cell *c = rowset_add(to);
	size_t at = 0;

	if (r->has_operator != 0) {
		operator_id.p = r->ids;
		operator_id.len = r->operator_len;
	}
	if (r->channel_len > 0) {
		channel.p = r->ids + r->operator_len;
		channel.len = r->channel_len;
	}
	c = cell_time(c, key_read_time(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_text(c,
	    clocks_interval_name((enum interval_kind)key_read_byte(key, &at)));
	c = cell_time(c, r->start);
	c = cell_id(c, operator_id);
	c = cell_id(c, channel);
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
			emit_interval(r, to);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = intervals_open,
	.close = intervals_close,
	.interval = keep_interval,
	.emit = intervals_emit,
};

const struct metric metric_intervals = {
	.table = &tables[TABLE_intervals],
	.streaming = &ops,
};
