/*
 * metrics: see metrics.h.
 */
#include "aggregator/metrics/metrics.h"

#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/simulation/simulation.h"

/* The tables of a simulation are for one-shot runs only; in a stream,
 * allocation makes reservations (stream_allocation.c). */
const struct metric metric_allocation_operators = {
	.table = &tables[TABLE_allocation_operators],
	.acts = true,
	.emit_simulation = simulation_operators,
};

const struct metric metric_allocation_totals = {
	.table = &tables[TABLE_allocation_totals],
	.acts = true,
	.emit_simulation = simulation_totals,
};

const struct metric *const metrics[] = {
#define METRIC(table, ...) &metric_##table,
#define SHARDED METRIC
#define PRINTED METRIC
#include "common/tables/tables.def"
};

const size_t metrics_n = ARRAY_LEN(metrics);

const struct metric *
metric_find(const char *table)
{
	size_t i;

	for (i = 0; i < metrics_n; i++)
		if (strcmp(metrics[i]->table->name, table) == 0)
			return metrics[i];
	return NULL;
}
