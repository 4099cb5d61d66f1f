/*
 * metrics: the registry: the metrics that are declared in tables.def. Rows are
 * written in this order.
 */
#include "aggregator/rows/metric.h"

#include <string.h>

#include "common/base/xalloc.h"

const struct metric *const metrics[] = {
#define METRIC(table, ...) &metric_##table,
#define SHARDED METRIC
#define PRINTED METRIC
#include "common/tables/tables.def"
};

const size_t metrics_n = ARRAY_LEN(metrics);

void
metric_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	const struct metric *f = to->metric;

	if (f->emit != NULL)
		f->emit(m, to, which);
	else
		f->emit_items(m, to, which, 0, f->items(m, which));
}

const struct metric *
metric_find(const char *table)
{
	size_t i;

	for (i = 0; i < metrics_n; i++)
		if (strcmp(metrics[i]->table->name, table) == 0)
			return metrics[i];
	return NULL;
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
