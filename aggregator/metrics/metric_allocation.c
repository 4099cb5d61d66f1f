/*
 * metric_allocation: the tables of a simulation, by operator and in total. They
 * are for one-shot runs only; in a stream, allocation makes reservations
 * (stream_allocation.c).
 */

#include "aggregator/metrics/metrics.h"
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
