/*
 * rowset: the rows of one table, written by metrics and read by writers. Cells
 * are in the order of the table's columns. A cell that is not set is NULL,
 * which differs from 0. Texts are borrowed from the model.
 */
#ifndef AGGREGATOR_ROWS_ROWSET_H
#define AGGREGATOR_ROWS_ROWSET_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

#include "aggregator/containers/tally.h"

struct metric;

/* How a cell is stored and written. */
enum cell_form {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_SECONDS, /* kept in ms, written with three decimals */
	CELL_TIME,
	CELL_FLAG,
};

enum cell_form cell_form(const struct column *c);

struct cell {
	struct text text; /* for CELL_TEXT */
	int64_t n;        /* for all other forms */
	bool set;
};

struct rowset {
	const struct metric *metric;
	bool part;          /* rows are for table->parts, see metric.h */
	struct cell *cells; /* n rows, with a cell for each column */
	size_t n, cap;
	struct buf text; /* texts of the last row that the metric made itself */
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

#endif
