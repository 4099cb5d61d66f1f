/*
 * metric: a table of rows and how they are made. The metrics themselves are in
 * aggregator/metrics; their columns, and their places among the others, are in
 * common/tables/tables.def. The columns `tenant` and `as_of`, first and last of
 * every table, are added by tenant_rows.c.
 *
 * A metric reads the recomputed model (emit), or keeps counts of its own while
 * records pass (streaming). A metric that is not selected costs nothing.
 */
#ifndef AGGREGATOR_ROWS_METRIC_H
#define AGGREGATOR_ROWS_METRIC_H

#include "common/tables/tables.h"

#include "aggregator/model/model.h"
#include "aggregator/rows/rowset.h"

struct streaming_metric_ops; /* aggregator/counting/streaming_metric.h */
struct simulation;           /* aggregator/simulation/simulation.h */

enum metric_rows {
	ROWS_ALL,     /* of all that have a row */
	ROWS_CHANGED, /* of those that the model lists as changed. A chat that
			 left has a last row with the status "left", an operator
			 one of zeros. */
};

struct metric {
	/* Rows with the life LIFE_NOW are between the markers of a snapshot;
	 * the others report events of the past and come before them. A table
	 * with parts spans chats: each of several aggregators writes its rows
	 * to table->parts (shard.h), and a view adds them up. */
	const struct table *table;
	bool by_default; /* without -a */
	/* Adds rows of a recomputed model, in the order of their keys; NULL
	 * for a streaming metric. If to->part is set, with the cells of
	 * table->parts. */
	void (*emit)(
	    const struct model *m, struct rowset *to, enum metric_rows which);
	const struct streaming_metric_ops
	    *streaming; /* NULL: reads the model */
	/* Of the one-shot mode alone, instead of emit: rows of a simulated
	 * allocation of a day. */
	void (*emit_simulation)(const struct simulation *w, struct rowset *to);
	bool acts; /* in a stream it changes the CRM: `all` leaves it out */
	/* Not to be written in parts: the view derives it from this one's. */
	const struct metric *derived_from;
};

/* The index of the cell of that column, or -1. */
int metric_column(const struct metric *f, const char *name);

#endif
