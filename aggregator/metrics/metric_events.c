/*
 * event_counts: how often each user did each thing. An event counts once by
 * its id, however often it was delivered.
 */
#include "aggregator/rows/metric.h"

static void
events_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	struct event_count *const *v = m->events;
	size_t i, n = m->events_n;
	struct cell *c;

	if (which == ROWS_CHANGED) {
		v = m->changes.events;
		n = m->changes.events_n;
	}
	for (i = 0; i < n; i++) {
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
	.emit = events_emit,
};
