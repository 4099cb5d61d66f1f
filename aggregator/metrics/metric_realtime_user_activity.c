/*
 * realtime_user_activity: the number of a user's counted messages in each
 * minute of the messages' own time. created_at is the start of the minute.
 *
 * A minute is kept as long as late messages are accepted, because one may
 * belong to it.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

#include "common/base/clock.h"

/* (minute, user) -> how many */
static void
activity_open(void *table, const struct streaming_metric_setup *setup)
{
	keyed_state_open(table, setup->home, "user_minutes", sizeof(uint64_t));
	keyed_state_keep(table, MINUTE_MS);
}

static void
activity_add(void *table, const struct streaming_metric_message *m)
{
	struct key k;
	uint64_t *n;

	if (m->user.p == NULL)
		return;
	k.len = 0;
	key_time(&k, streaming_metric_span(m->at, MINUTE_MS));
	key_text(&k, m->user);
	n = keyed_state_get(table, k.bytes, k.len, NULL);
	*n += 1;
	keyed_state_emit(table, n);
}

static void
activity_row(
    void *table, const void *entry, struct rowset *to, enum metric_rows which)
{
	struct text key = keyed_state_key(entry);
	const uint64_t *count = entry;
	struct cell *c = rowset_add(to);
	size_t at = 0;

	(void)table;
	(void)which;
	c = cell_number(c, key_read_time(key, &at));
	c = cell_id(c, key_read_text(key, &at));
	cell_count(c, *count);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct keyed_state),
	.open = activity_open,
	.add = activity_add,
	.row = activity_row,
};

const struct metric metric_realtime_user_activity = {
	.table = &tables[TABLE_realtime_user_activity],
	.streaming = &ops,
};
