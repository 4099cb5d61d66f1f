/*
 * metrics: the list of all metrics. Each is a file metric_TABLE.c, named after
 * its table in common/tables/tables.def; longest_monologue is beside
 * conversation_metrics, and the two tables of a simulation are in metrics.c.
 */
#ifndef AGGREGATOR_METRICS_METRICS_H
#define AGGREGATOR_METRICS_METRICS_H

#include "aggregator/rows/metric.h"

#define METRIC(table, ...) extern const struct metric metric_##table;
#define SHARDED METRIC
#define PRINTED METRIC
#include "common/tables/tables.def"

/* All metrics, in the order in which their rows are written. */
extern const struct metric *const metrics[];
extern const size_t metrics_n;

/* Must be greater than the number of metrics. */
#define METRICS_MAX 64

/* Returns the metric of that table, or NULL. */
const struct metric *metric_find(const char *table);

#endif
