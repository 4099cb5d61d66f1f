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
	const struct event *e;
	struct cell *c;
	size_t i = 0, n;

	(void)which;
	while (i < m->events_n) {
		e = m->events[i];
		for (n = 0; i < m->events_n && m->events[i]->user == e->user &&
			    m->events[i]->event == e->event;
		     i++)
			n++;
		c = rowset_add(to);
		c = cell_name(c, e->user);
		c = cell_name(c, e->event);
		cell_count(c, n);
	}
}

extern const struct figure figure_events;
const struct figure figure_events = {
	.name = "events",
	.table = "event_counts",
	.help = "what each user did, how often",
	.by_default = true,
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.emit = emit,
};
