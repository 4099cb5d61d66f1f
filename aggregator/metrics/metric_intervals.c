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
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

#include <string.h>

struct interval_row {
	int64_t start, ms;
	uint8_t withdrawn, first, has_operator, operator_len;
	uint8_t channel_len;         /* 0: no channel */
	char ids[2 * RECORD_MAX_ID]; /* the operator's id, followed by the
				      * channel */
};

/* (end, chat, message, kind) -> the row */
static void
intervals_open(void *table, const struct streaming_metric_setup *setup)
{
	keyed_state_open(table, setup->home, NULL, sizeof(struct interval_row));
}

static void
keep_interval(void *table, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	struct text operator_id = model_name(m, i->operator_id);
	struct text channel = lexicon_channel_text(&m->lexicon, i->channel);
	char buf[MESSAGE_ID_TEXT];
	struct key k;
	struct interval_row *r;

	k.len = 0;
	key_time(&k, i->end);
	key_text(&k, chat_id(c));
	key_text(&k, interval_message(m, i, buf));
	key_byte(&k, i->kind);
	r = keyed_state_get(table, k.bytes, k.len, NULL);
	memset(r, 0, sizeof *r);
	r->start = i->start;
	r->ms = i->ms;
	r->withdrawn = withdrawn;
	r->first = i->first;
	r->has_operator = operator_id.p != NULL;
	r->operator_len = (uint8_t)operator_id.len;
	if (r->has_operator)
		memcpy(r->ids, operator_id.p, r->operator_len);
	r->channel_len = (uint8_t)channel.len;
	if (r->channel_len > 0)
		memcpy(r->ids + r->operator_len, channel.p, r->channel_len);
	keyed_state_emit(table, r);
	keyed_state_delete(table, r);
}

/* What the customer waited for in vain. */
static struct text
awaited(enum interval_kind kind, const struct interval_row *r)
{
	if (kind != INTERVAL_UNANSWERED)
		return (struct text){ NULL, 0 };
	return text_from(clocks_interval_name(
	    r->first != 0 ? INTERVAL_FIRST_RESPONSE : INTERVAL_REPLY));
}

static void
intervals_row(
    void *table, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry), operator_id = { NULL, 0 };
	struct text channel = { NULL, 0 };
	const struct interval_row *r = entry;
	enum interval_kind kind;
	struct cell *c;
	size_t at = 0;

	(void)table;
	if (which == ROWS_ALL && r->withdrawn != 0)
		return;
	if (r->has_operator != 0) {
		operator_id.p = r->ids;
		operator_id.len = r->operator_len;
	}
	if (r->channel_len > 0) {
		channel.p = r->ids + r->operator_len;
		channel.len = r->channel_len;
	}
	c = rowset_add(to);
	c = cell_number(c, key_read_time(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	kind = (enum interval_kind)key_read_byte(key, &at);
	c = cell_text(c, clocks_interval_name(kind));
	c = cell_number(c, r->start);
	c = cell_id(c, operator_id);
	c = cell_id(c, channel);
	c = cell_id(c, awaited(kind, r));
	c = cell_number(c, r->ms);
	cell_flag(c, true, r->withdrawn != 0);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct keyed_state),
	.open = intervals_open,
	.interval = keep_interval,
	.row = intervals_row,
};

const struct metric metric_intervals = {
	.table = &tables[TABLE_intervals],
	.streaming = &ops,
};
