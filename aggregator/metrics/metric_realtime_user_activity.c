/*
 * realtime_user_activity: the number of a user's counted messages in each
 * minute of the messages' own time. created_at is the start of the minute.
 *
 * A minute is kept as long as late messages are accepted, because one may
 * belong to it.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

struct activity {
	struct keyed_state table; /* (minute, user) -> how many */
	int64_t window;
};

static void *
activity_open(const struct streaming_metric_setup *setup)
{
	struct activity *f = xcalloc(1, sizeof *f);

	keyed_state_open(
	    &f->table, setup->home, "user_minutes", sizeof(uint64_t));
	f->window = setup->home->window_ms;
	return f;
}

static void
activity_close(void *ctx)
{
	struct activity *f = ctx;

	keyed_state_close(&f->table);
	free(f);
}

static void
activity_add(void *ctx, const struct streaming_metric_message *m)
{
	struct activity *f = ctx;
	struct key k;
	uint64_t *n;

	if (m->user.p == NULL)
		return;
	k.len = 0;
	key_time(&k, streaming_metric_span(m->at, MINUTE_MS));
	key_text(&k, m->user);
	n = keyed_state_get(&f->table, k.bytes, k.len, NULL);
	*n += 1;
	keyed_state_emit(&f->table, n);
}

static void
activity_advance(void *ctx, int64_t newest, bool refresh)
{
	struct activity *f = ctx;

	(void)refresh;
	if (f->window > 0 && newest != CLOCK_NONE)
		keyed_state_expire(&f->table, newest - f->window - MINUTE_MS);
}

static void
activity_emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct activity *f = ctx;
	const uint64_t *count;
	struct text key;
	struct cell *c;
	size_t n, i, at;
	int64_t minute;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		count = list[i];
		key = keyed_state_key(count);
		at = 0;
		minute = key_read_time(key, &at);
		c = rowset_add(to);
		c = cell_time(c, minute);
		c = cell_id(c, key_read_text(key, &at));
		cell_count(c, *count);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = activity_open,
	.close = activity_close,
	.add = activity_add,
	.advance = activity_advance,
	.emit = activity_emit,
};

const struct metric metric_realtime_user_activity = {
	.table = &tables[TABLE_realtime_user_activity],
	.streaming = &ops,
};
