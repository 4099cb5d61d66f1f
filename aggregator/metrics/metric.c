/*
 * metric: see metric.h.
 */
#include "aggregator/metrics/metric.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Returns the number of cells in a row. */
static size_t
row_width(const struct rowset *r)
{
	return table_cells(r->metric->table);
}

struct cell *
rowset_add(struct rowset *r)
{
	size_t width = row_width(r);
	struct cell *row;

	if (r->each != NULL) {
		if (r->n++ > 0)
			r->each(r->ctx, r->cells);
		else if (r->cells == NULL)
			r->cells = xcalloc(width + 1, sizeof *r->cells);
		r->left = false;
		memset(r->cells, 0, width * sizeof *r->cells);
		return r->cells;
	}
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? r->cap * 2 : 16;
		r->cells = xrealloc(r->cells, r->cap * width, sizeof *r->cells);
	}
	row = r->cells + r->n++ * width;
	memset(row, 0, width * sizeof *row);
	return row;
}

void
rowset_end(struct rowset *r)
{
	if (r->each != NULL && r->n > 0)
		r->each(r->ctx, r->cells);
}

void
rowset_release(struct rowset *r)
{
	free(r->cells);
	memset(r, 0, sizeof *r);
}

const struct cell *
rowset_get(const struct rowset *r, size_t i)
{
	return r->cells + i * row_width(r);
}

struct cell *
cell_id(struct cell *c, struct text t)
{
	c->text = t;
	c->set = t.p != NULL;
	return c + 1;
}

struct cell *
cell_text(struct cell *c, const char *s)
{
	c->text.p = s;
	c->text.len = strlen(s);
	c->set = true;
	return c + 1;
}

struct cell *
cell_count(struct cell *c, size_t n)
{
	c->n = (int64_t)n;
	c->set = true;
	return c + 1;
}

struct cell *
cell_number(struct cell *c, int64_t n)
{
	c->n = n;
	c->set = n != RECORD_NO_NUMBER;
	return c + 1;
}

struct cell *
cell_flag(struct cell *c, bool set, bool v)
{
	c->n = v;
	c->set = set;
	return c + 1;
}

int
metric_column(const struct metric *f, const char *name)
{
	size_t i;

	for (i = 0; i < table_cells(f->table); i++)
		if (strcmp(table_cell(f->table, i)->name, name) == 0)
			return (int)i;
	return -1;
}

const struct metric *const metrics[] = {
#define METRIC(table, ...) &metric_##table,
#define PRINTED METRIC
#include "common/tables/tables.def"
};

const size_t metrics_n = ARRAY_LEN(metrics);

const struct metric *
metric_find(const char *table)
{
	size_t i;

	for (i = 0; i < metrics_n; i++)
		if (strcmp(metrics[i]->table->name, table) == 0)
			return metrics[i];
	return NULL;
}
