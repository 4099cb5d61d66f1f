/*
 * metric: a table of rows and how they are made. One file a metric, called
 * metric_TABLE after its table in common/tables/tables.def, which has its name,
 * its columns and its place among the others. `tenant` stands before the cells
 * and `as_of` behind them in every table, so a metric makes neither.
 *
 * A metric is made of the settled model (emit), or counts by itself while
 * records pass (flow). One that was not asked for costs nothing.
 */
#ifndef AGGREGATOR_ROWS_METRIC_H
#define AGGREGATOR_ROWS_METRIC_H

#include "common/tables/tables.h"

#include "aggregator/model/model.h"
#include "aggregator/rows/rowset.h"

struct streaming_metric_ops; /* aggregator/metrics/streaming_metric.h */
struct simulation;           /* aggregator/simulation/simulation.h */

enum metric_rows {
	ROWS_ALL,     /* of everything that has a row */
	ROWS_CHANGED, /* of what the model lists as changed. A chat that left
			 has a last row with the status "left", an operator
			 one of zeros. */
};

struct metric {
	/* One with the life LIFE_NOW stands between the markers of a snapshot;
	 * the others tell what has happened, and stand before it. One with
	 * parts spans chats: what one of several aggregators knows goes to
	 * that table (shard.h), and a view adds the parts up. */
	const struct table *table;
	bool by_default; /* without -a */
	/* Adds rows of a settled model, in the order of their keys; NULL for
	 * a streaming metric. Where to->part is set, with the cells of the
	 * parts. */
	void (*emit)(
	    const struct model *m, struct rowset *to, enum metric_rows which);
	const struct streaming_metric_ops
	    *streaming; /* NULL: made of the model */
	/* By hand alone, instead: of a day that is allocated once more. */
	void (*emit_whatif)(const struct simulation *w, struct rowset *to);
	bool acts; /* in a stream it changes the CRM: not among all */
	/* In parts it cannot be told: the view makes it of this one's. */
	const struct metric *derived_from;
};

#define METRIC(table, ...) extern const struct metric metric_##table;
#define SHARDED METRIC
#define PRINTED METRIC
#include "common/tables/tables.def"

/* All there are; their rows are written in this order. */
extern const struct metric *const metrics[];
extern const size_t metrics_n;

/* There are never more. */
#define METRICS_MAX 64

/* The metric of that table, or NULL. */
const struct metric *metric_find(const char *table);

/* The index of the cell, or -1. */
int metric_column(const struct metric *f, const char *name);

#endif
