/*
 * metric: a table, the code that makes its rows, and the rows that it makes.
 * Each metric is a file metric_TABLE.c, named after its table in
 * common/tables/tables.def, which has its columns; longest_monologue is beside
 * conversation_metrics, and the two tables of a simulation are in
 * aggregator/simulation. tenant_rows.c adds the columns `tenant` and `as_of`,
 * the first and last of every table.
 *
 * A metric either reads the recomputed model (emit) or keeps its own counts as
 * records arrive (streaming_metric.h). A metric that is not selected costs
 * nothing.
 */
#ifndef AGGREGATOR_METRICS_METRIC_H
#define AGGREGATOR_METRICS_METRIC_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

#include "aggregator/model/model.h"

struct metric;
struct simulation;           /* aggregator/simulation/simulation.h */
struct streaming_metric_ops; /* aggregator/metrics/streaming_metric.h */

/* A cell that is not set is NULL, which differs from 0. */
struct cell {
	struct text text; /* in a column of ids or texts */
	int64_t n;        /* in all others; durations are in ms */
	bool set;
};

/* The rows of one table. Texts are borrowed from the model. */
struct rowset {
	const struct metric *metric;
	struct cell *cells; /* n rows, with a cell for each column */
	size_t n, cap;
	bool
	    left; /* the last row is the last one of an operator who has left */
	/* If set, it is called for each row when the next row begins or at
	 * rowset_end(), and rows are not kept. */
	void (*each)(void *ctx, const struct cell *cells);
	void *ctx;
};

/* Adds a row and returns its cells, all NULL, valid until the next call. */
struct cell *rowset_add(struct rowset *r);
void rowset_end(struct rowset *r);
void rowset_release(struct rowset *r);

/* Returns the cells of row i; not for use with `each`. */
const struct cell *rowset_get(const struct rowset *r, size_t i);

/* Each function sets one cell and returns the next one. */
struct cell *cell_id(struct cell *c, struct text t); /* absent: NULL */
struct cell *cell_text(struct cell *c, const char *s);
struct cell *cell_count(struct cell *c, size_t n);
struct cell *cell_flag(struct cell *c, bool set, bool v);
/* A number, a duration in ms or a time. RECORD_NO_NUMBER, TALLY_NONE and
 * CLOCK_NONE, which have the same value, are NULL. */
struct cell *cell_number(struct cell *c, int64_t n);

enum metric_rows {
	ROWS_ALL,     /* everything that has a row */
	ROWS_CHANGED, /* what the model lists as changed. The last row of a chat
		       * that has left has the status "left"; the last row of an
		       * operator who has left has zeros. */
};

struct metric {
	/* Rows with the life LIFE_NOW are between the markers of a snapshot;
	 * the others report past events and come before them. */
	const struct table *table;
	bool by_default;     /* selected without -a */
	bool in_overview;    /* the overview for people shows its rows */
	bool needs_no_chats; /* emit() reads neither chats nor operators */
	/* Adds rows of a recomputed model; with ROWS_ALL, in the order of their
	 * keys. NULL for a streaming metric. */
	void (*emit)(
	    const struct model *m, struct rowset *to, enum metric_rows which);
	const struct streaming_metric_ops
	    *streaming; /* NULL: the metric reads the model */
	/* Instead of emit, in one-shot mode only: rows of a simulated day of
	 * allocation. */
	void (*emit_simulation)(const struct simulation *w, struct rowset *to);
	bool acts; /* in a stream it changes the CRM, so `all` leaves it out */
};

/* Returns the index of the column's cell, or -1. */
int metric_column(const struct metric *f, const char *name);

#define METRIC(table, ...) extern const struct metric metric_##table;
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
