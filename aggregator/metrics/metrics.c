/*
 * metrics: see metrics.h.
 */
#include "aggregator/metrics/metrics.h"

#include <string.h>

#include "common/base/xalloc.h"

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
