/*
 * event_counts: how many events of each type each user caused. An event is
 * counted once by its id, however often it was delivered.
 */
#include "aggregator/metrics/metrics.h"

static void
emit_pairs(const struct model *m, struct rowset *to, enum metric_rows which)
{
	struct event_count *const *v =
	    which == ROWS_CHANGED ? m->changes.events : m->events;
	size_t n = which == ROWS_CHANGED ? m->changes.events_n : m->events_n;
	struct cell *c;
	size_t i;

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
	.emit = emit_pairs,
};
