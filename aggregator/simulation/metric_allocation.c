/*
 * metric_allocation: what would have been with other limits, by operator and
 * in all. By hand only: in a stream allocation acts (stream_allocation.c), and
 * says so by its reservations.
 */
#include "common/base/xalloc.h"

#include "aggregator/rows/metric.h"
#include "aggregator/simulation/simulation.h"

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
