/*
 * event_counts: how often each user did each thing. An event counts once by
 * its id, however often it was told.
 */
#include "aggregator/figure.h"

#include "common/xalloc.h"

static const struct column columns[] = {
	{ "user", COLUMN_TEXT },
	{ "event", COLUMN_TEXT },
	{ "count", COLUMN_COUNT },
};

static void
emit(const struct model *m, struct rowset *to, enum figure_rows which)
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

extern const struct figure figure_events;
const struct figure figure_events = {
	.name = "events",
	.table = "event_counts",
	.help = "what each user did, how often",
	.by_default = true,
	.spans = true,
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.emit = emit,
};
