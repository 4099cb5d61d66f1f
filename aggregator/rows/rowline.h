/*
 * rowline: rows of one table as NDJSON. What all rows share is formatted once;
 * each row is then copied together from that and its values. Rows
 * come by the ten thousand at each flush, and a row of 15 columns takes a third
 * of the instructions that a jsonw call for each member takes (measured with
 * callgrind: 3,200 and 9,600). Values are written by the functions that jsonw
 * uses.
 */
#ifndef AGGREGATOR_ROWS_ROWLINE_H
#define AGGREGATOR_ROWS_ROWLINE_H

#include "common/base/buf.h"

#include "aggregator/rows/rowset.h"
#include "aggregator/rows/shard.h"

/* Private. A zeroed struct is empty. */
struct rowline {
	size_t cells;
	struct buf head;  /* {"type":"row", ... */
	struct buf names; /* ,"column": each with its end in cell[] */
	struct buf tail;  /* ,"as_of": ... } */
	struct rowline_cell {
		size_t end;
		enum cell_form form;
	} * cell;
};

/* snapshot NULL: of a stream; version 0: none; part NULL: the only
 * aggregator. */
void rowline_init(struct rowline *l, const struct table *t,
    const struct shard *part, const char *tenant, const char *snapshot,
    int64_t as_of, int64_t since, int64_t version);
void rowline_release(struct rowline *l);

/* Adds the row of these cells to the buffer, without a newline. */
void rowline_add(
    const struct rowline *l, const struct cell *cells, struct buf *to);

#endif
