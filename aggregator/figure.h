/*
 * figure: a table of METRICS and how its rows are made. One file a figure,
 * one line in figures.c; the printers learn its columns from here, the sink has
 * its own list (sink/tables.c). `tenant` stands before the columns and `as_of`
 * behind them in every table, so they are not listed.
 */
#ifndef AGGREGATOR_FIGURE_H
#define AGGREGATOR_FIGURE_H

#include "aggregator/model.h"
#include "aggregator/rowset.h"

struct figure {
	const char *table;
	const char *help;
	const struct column *columns; /* the rest of the key first */
	size_t columns_n;
	/* Adds the rows of a settled model, in the order of their keys. */
	void (*emit)(const struct model *m, struct rowset *to);
};

extern const struct figure *const figures[];
extern const size_t figures_n;

/* The figure of that table, or NULL. */
const struct figure *figure_find(const char *table);

/* The index of the column, or -1. */
int figure_column(const struct figure *f, const char *name);

#endif
