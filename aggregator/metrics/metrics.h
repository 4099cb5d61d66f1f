/*
 * metrics: the list of all metrics. Each has its tables in
 * common/tables/tables.def, and metric_TABLE in the metric_*.c of its subject.
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

/* More than there are. */
#define METRICS_MAX 64

/* The metric of that table, or NULL. */
const struct metric *metric_find(const char *table);

#endif
