/*
 * intervals: each first response, reply, resolution, unanswered wait and part
 * of a wait that a transfer cut, a row: the history from which any range,
 * calendar or rule can be computed anew. It is named by when it ended, its
 * chat, the message that ended it and its kind. One that a late message did
 * away with is told once more, as withdrawn.
 *
 * A row is kept only until it was written: then it is the database's.
 */
#include "aggregator/flow.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct row {
	int64_t start, ms;
	uint8_t withdrawn, has_operator, operator_len;
	char operator_id[RECORD_MAX_ID + 2];
};

struct intervals {
	struct keyed table; /* (end, chat, message, kind) */
};

static const struct column columns[] = {
	{ "end_at", COLUMN_TIME },
	{ "chat", COLUMN_TEXT },
	{ "message", COLUMN_TEXT },
	{ "kind", COLUMN_TEXT },
	{ "start_at", COLUMN_TIME },
	{ "operator", COLUMN_TEXT },
	{ "ms", COLUMN_COUNT },
	{ "withdrawn", COLUMN_FLAG },
};

static void *
open_flow(const struct flow_setup *setup)
{
	struct intervals *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, "intervals", sizeof(struct row));
	return f;
}

static void
close_flow(void *flow)
{
	struct intervals *f = flow;

	keyed_close(&f->table);
	free(f);
}

static void
interval(void *flow, const struct flow_interval *i, bool withdrawn)
{
	struct intervals *f = flow;
	struct key k;
	struct row *r;

	k.len = 0;
	key_time(&k, i->end);
	key_text(&k, i->chat);
	key_text(&k, i->message);
	key_byte(&k, i->kind);
	r = keyed_get(&f->table, k.bytes, k.len, NULL);
	memset(r, 0, sizeof *r);
	r->start = i->start;
	r->ms = i->ms;
	r->withdrawn = withdrawn;
	r->has_operator = i->operator_id.p != NULL;
	r->operator_len = (uint8_t)i->operator_id.len;
	if (r->has_operator)
		memcpy(r->operator_id, i->operator_id.p, r->operator_len);
	keyed_tell(&f->table, r);
}

static void
emit_one(const struct row *r, struct rowset *to)
{
	struct text key = keyed_key(r), operator_id = { NULL, 0 };
	struct cell *c = rowset_add(to);
	size_t at = 0;

	if (r->has_operator != 0) {
		operator_id.p = r->operator_id;
		operator_id.len = r->operator_len;
	}
	c = cell_time(c, key_read_time(key, &at));
	c = flow_cell(c, key_read_text(key, &at));
	c = flow_cell(c, key_read_text(key, &at));
	c = cell_text(c,
	    clocks_interval_name((enum interval_kind)key_read_byte(key, &at)));
	c = cell_time(c, r->start);
	c = flow_cell(c, operator_id);
	c = cell_number(c, r->ms);
	cell_flag(c, true, r->withdrawn != 0);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct intervals *f = flow;
	const struct row *r;
	size_t n, i;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		r = list[i];
		if (which == ROWS_CHANGED || r->withdrawn == 0)
			emit_one(r, to);
	}
	free(list);
}

static void
sent(void *flow)
{
	struct intervals *f = flow;
	size_t n, i;
	void **list = keyed_list(&f->table, false, &n);

	for (i = 0; i < n; i++)
		keyed_delete(&f->table, list[i]);
	free(list);
}

static const struct flow_ops ops = {
	.open = open_flow,
	.close = close_flow,
	.interval = interval,
	.emit = emit,
	.sent = sent,
};

extern const struct figure figure_intervals;
const struct figure figure_intervals = {
	.name = "intervals",
	.table = "intervals",
	.help = "each response, resolution and wait",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
};
