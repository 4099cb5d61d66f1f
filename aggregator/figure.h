/*
 * figure: a table of rows and how they are made. One file a figure, one line
 * in figures.c; the printers learn its columns from here, the sink has its own
 * list (sink/tables.c). `tenant` stands before the columns and `as_of` behind
 * them in every table, so they are not listed.
 *
 * A figure is made of the settled model (emit), or counts by itself while
 * records pass (flow). One that was not asked for costs nothing.
 */
#ifndef AGGREGATOR_FIGURE_H
#define AGGREGATOR_FIGURE_H

#include "aggregator/model.h"
#include "aggregator/rowset.h"

struct flow_ops; /* aggregator/flow.h */
struct whatif;   /* aggregator/whatif.h */

enum figure_rows {
	ROWS_ALL,     /* of everything that has a row */
	ROWS_CHANGED, /* of what the model lists as changed. A chat that left
			 has a last row with the status "left", an operator
			 one of zeros. */
};

struct figure {
	const char *name; /* as -a takes it */
	const char *table;
	const char *help;
	bool by_default; /* without -a */
	bool state; /* how things stand: between the markers of a snapshot; the
		       others tell what has happened, and stand before it */
	const struct column *columns; /* the rest of the key first */
	size_t columns_n;
	/* Adds rows of a settled model, in the order of their keys; NULL for
	 * a flow. */
	void (*emit)(
	    const struct model *m, struct rowset *to, enum figure_rows which);
	const struct flow_ops *flow; /* NULL: made of the model */
	/* By hand alone, instead: of a day that is allocated once more. */
	void (*emit_whatif)(const struct whatif *w, struct rowset *to);
	bool acts; /* in a stream it changes the CRM: not among all */
	/* It spans chats: what one of several aggregators knows goes to its
	 * table of parts (part.h), and a view adds the parts up. */
	bool spans;
	/* What is told there, where that is not the same: in place of means
	 * and medians counts, sums, maxima and buckets. */
	const struct figure *part;
	/* In parts it cannot be told: the view makes it of this table's. */
	const char *derived_from;
};

/* All there are; their rows are written in this order. */
extern const struct figure *const figures[];
extern const size_t figures_n;

/* There are never more. */
#define FIGURES_MAX 64

/* The figure of that table, or NULL. */
const struct figure *figure_find(const char *table);

/* The index of the column, or -1. */
int figure_column(const struct figure *f, const char *name);

#endif
