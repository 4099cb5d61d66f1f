/*
 * metrics: the registry: those that are declared in tables.def. Rows are
 * written in this order.
 */
#include "aggregator/rows/metric.h"

#include <string.h>

#include "common/base/xalloc.h"

const struct metric *const figures[] = {
#define METRIC(table, ...) &metric_##table,
#define SHARDED METRIC
#define PRINTED METRIC
#include "common/tables/tables.def"
};

const size_t figures_n = ARRAY_LEN(figures);

const struct metric *
metric_find(const char *table)
{
	size_t i;

	for (i = 0; i < figures_n; i++)
		if (strcmp(figures[i]->table->name, table) == 0)
			return figures[i];
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
