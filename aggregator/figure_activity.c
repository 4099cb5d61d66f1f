/*
 * realtime_user_activity: how many messages of a user count in each minute of
 * the messages' own time. created_at is the begin of the minute.
 *
 * A minute is kept until nothing of it can come any more: the window in which
 * late messages are taken.
 */
#include "aggregator/flow.h"

#include <stdlib.h>

#include "common/xalloc.h"

#define MINUTE_MS (INT64_C(60) * 1000)

struct activity {
	struct keyed table; /* (minute, user) -> how many */
	int64_t window;
};

static const struct column columns[] = {
	{ "user_id", COLUMN_TEXT },
	{ "created_at", COLUMN_TIME },
	{ "messages_last_minute", COLUMN_COUNT },
};

static void *
open_flow(const struct flow_setup *setup)
{
	struct activity *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, "user_minutes", sizeof(uint64_t));
	f->window = setup->home->window_ms;
	return f;
}

static void
close_flow(void *flow)
{
	struct activity *f = flow;

	keyed_close(&f->table);
	free(f);
}

static void
count(struct activity *f, const struct flow_message *m, bool add)
{
	struct key k;
	uint64_t *n;

	if (!m->counted || m->user.p == NULL)
		return;
	k.len = 0;
	key_time(&k, flow_span(m->at, MINUTE_MS));
	key_text(&k, m->user);
	n = add ? keyed_get(&f->table, k.bytes, k.len, NULL)
		: keyed_find(&f->table, k.bytes, k.len);
	if (n == NULL || (!add && *n == 0))
		return;
	*n += add ? UINT64_C(1) : UINT64_MAX;
	keyed_tell(&f->table, n);
}

static void
message(
    void *flow, const struct flow_message *m, const struct flow_message *old)
{
	if (old != NULL)
		count(flow, old, false);
	count(flow, m, true);
}

static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct activity *f = flow;

	(void)refresh;
	if (f->window > 0 && newest != CLOCK_NONE)
		keyed_expire(&f->table, newest - f->window - MINUTE_MS);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct activity *f = flow;
	const uint64_t *count;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	int64_t minute;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		count = list[i];
		if (which == ROWS_ALL && *count == 0)
			continue;
		key = keyed_key(count);
		at = 0;
		minute = key_read_time(key, &at);
		c = rowset_add(to);
		c = flow_cell(c, key_read_text(key, &at));
		c = cell_time(c, minute);
		cell_count(c, *count);
	}
	free(list);
}

static const struct flow_ops ops = {
	.open = open_flow,
	.close = close_flow,
	.message = message,
	.settle = settle,
	.emit = emit,
};

extern const struct figure figure_activity;
const struct figure figure_activity = {
	.name = "activity",
	.table = "realtime_user_activity",
	.help = "each user's messages a minute",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
	.spans = true,
};
