/*
 * rowset: the rows of one table, as metrics write them and printers read them:
 * cells in the order of the table's columns. A cell that holds nothing is
 * NULL, which is not 0. Text is borrowed from the model.
 */
#ifndef AGGREGATOR_ROWS_ROWSET_H
#define AGGREGATOR_ROWS_ROWSET_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "common/tables/tables.h"

#include "aggregator/containers/stats.h"

struct metric;

/* How a cell is kept, and written. */
enum cell_form {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_SECONDS, /* kept in ms, written with three decimals */
	CELL_TIME,
	CELL_FLAG,
};

enum cell_form cell_form(const struct column *c);

struct cell {
	struct text text; /* of TEXT; p NULL: nothing */
	int64_t n;        /* of all others */
	bool set;
};

struct rowset {
	const struct metric *metric;
	bool part;          /* they are parts of the truth */
	struct cell *cells; /* n rows, see rowset_width() */
	size_t n, cap;
	struct buf text; /* what the last row borrows, where a metric makes
			    it */
	/* Unless NULL: gets each row when the next one begins or at
	 * rowset_end(), and none is kept. */
	void (*each)(void *ctx, const struct cell *cells);
	void *ctx;
};

/* A new row, all NULL; its cells, to be filled in the order of the columns.
 * Valid until the next call. */
struct cell *rowset_add(struct rowset *r);
void rowset_end(struct rowset *r);
void rowset_release(struct rowset *r);

/* How many cells a row has. */
size_t rowset_width(const struct rowset *r);

/* The cells of row i, of rows that are kept. */
const struct cell *rowset_get(const struct rowset *r, size_t i);

/* Fill one cell and return the next one. */
struct cell *cell_id(struct cell *c, struct text t); /* absent: NULL */
struct cell *cell_text(struct cell *c, const char *s);
struct cell *cell_count(struct cell *c, size_t n);
struct cell *cell_number(struct cell *c, int64_t n); /* RECORD_NO_NUMBER */
struct cell *cell_ms(struct cell *c, int64_t ms);    /* STATS_NONE: NULL */
struct cell *cell_time(struct cell *c, int64_t ms);  /* CLOCK_NONE: NULL */
struct cell *cell_flag(struct cell *c, bool set, bool v);

#endif
