/*
 * metric: see metric.h.
 */
#include "aggregator/rows/metric.h"

#include <string.h>

void
metric_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	const struct metric *f = to->metric;

	if (f->emit != NULL)
		f->emit(m, to, which);
	else
		f->emit_items(m, to, which, 0, f->items(m, which));
}

int
metric_column(const struct metric *f, const char *name)
{
	size_t i;

	for (i = 0; i < table_cells(f->table); i++)
		if (strcmp(table_cell(f->table, i)->name, name) == 0)
			return (int)i;
	return -1;
}
