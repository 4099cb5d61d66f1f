/*
 * event_counts: how often each user did each thing. An event counts once by
 * its id, however often it was delivered.
 */
#include "aggregator/metrics/metrics.h"

static size_t
count_pairs(const struct model *m, enum metric_rows which)
{
	return which == ROWS_CHANGED ? m->changes.events_n : m->events_n;
}

static void
emit_pairs(const struct model *m, struct rowset *to, enum metric_rows which,
    size_t first, size_t end)
{
	struct event_count *const *v =
	    which == ROWS_CHANGED ? m->changes.events : m->events;
	struct cell *c;
	size_t i;

	for (i = first; i < end; i++) {
		if (which == ROWS_ALL && v[i]->count == 0)
			continue;
		c = rowset_add(to);
		c = cell_id(c, model_name(m, v[i]->user));
		c = cell_id(c, model_name(m, v[i]->event));
		cell_count(c, v[i]->count);
	}
}

const struct metric metric_event_counts = {
	.table = &tables[TABLE_event_counts],
	.by_default = true,
	.items = count_pairs,
	.emit_items = emit_pairs,
};
