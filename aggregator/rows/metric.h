/*
 * metric: a table and the code that makes its rows. The metrics themselves are
 * in aggregator/metrics; their columns and their order are in
 * common/tables/tables.def. tenant_rows.c adds the columns `tenant` and
 * `as_of`, the first and last of every table.
 *
 * A metric either reads the recomputed model (emit) or keeps its own counts as
 * records arrive (streaming). A metric that is not selected costs nothing.
 */
#ifndef AGGREGATOR_ROWS_METRIC_H
#define AGGREGATOR_ROWS_METRIC_H

#include "common/tables/tables.h"

#include "aggregator/model/model.h"
#include "aggregator/rows/rowset.h"

struct streaming_metric_ops; /* aggregator/metrics/streaming_metric.h */
struct simulation;           /* aggregator/simulation/simulation.h */

enum metric_rows {
	ROWS_ALL,     /* everything that has a row */
	ROWS_CHANGED, /* what the model lists as changed. The last row of a chat
		       * that has left has the status "left"; the last row of an
		       * operator who has left has zeros. */
};

struct metric {
	/* Rows with the life LIFE_NOW are between the markers of a snapshot;
	 * the others report past events and come before them. If a table with
	 * parts is split over several aggregators, each writes its rows to
	 * table->parts (shard.h), and a view adds them up. */
	const struct table *table;
	bool by_default; /* selected without -a */
	/* Adds rows of a recomputed model; with ROWS_ALL, in the order of their
	 * keys. NULL for a streaming metric. If to->part is set, rows have the
	 * cells of table->parts. */
	void (*emit)(
	    const struct model *m, struct rowset *to, enum metric_rows which);
	const struct streaming_metric_ops
	    *streaming; /* NULL: the metric reads the model */
	/* Instead of emit, in one-shot mode only: rows of a simulated day of
	 * allocation. */
	void (*emit_simulation)(const struct simulation *w, struct rowset *to);
	bool acts; /* in a stream it changes the CRM, so `all` leaves it out */
	/* Not written in parts: the view computes it from the parts of that
	 * metric. */
	const struct metric *derived_from;
};

/* Returns the index of the column's cell, or -1. */
int metric_column(const struct metric *f, const char *name);

#endif
