/*
 * metric: see metric.h.
 */
#include "aggregator/rows/metric.h"

#include <string.h>

int
metric_column(const struct metric *f, const char *name)
{
	size_t i;

	for (i = 0; i < table_cells(f->table); i++)
		if (strcmp(table_cell(f->table, i)->name, name) == 0)
			return (int)i;
	return -1;
}
