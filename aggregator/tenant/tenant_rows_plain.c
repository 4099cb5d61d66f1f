/*
 * tenant_rows_plain: the tables for people of the metrics that the overview
 * does not show (tenant_rows_table.c): rows and columns as they are declared.
 * What was asked for is never left out without a word.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/output/duration.h"
#include "common/output/output_table.h"

/* More rows than that are for -o csv. */
#define ROWS_SHOWN 20

/* The overview shows it, or the table of a simulation. */
static bool
has_picture(const struct metric *f)
{
	return metric_is_in_overview(f) || f->emit_simulation != NULL;
}

static bool
passes_records(const struct metric_selection *c)
{
	return c->messages || c->views || c->eventlog;
}

bool
tenant_rows_has_plain(const struct metric_selection *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!has_picture(c->metrics[i]))
			return true;
	return passes_records(c);
}

/* The cell as people read it; NULL: empty. */
static const char *
shown_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	char text[CLOCK_TEXT];

	buf_clear(b);
	if (!c->set)
		return NULL;
	switch (cell_form(column)) {
	case CELL_TEXT:
		buf_add(b, c->text.p, c->text.len);
		break;
	case CELL_NUMBER:
		buf_addi(b, c->n);
		break;
	case CELL_SECONDS:
		buf_adds(b, duration_format(c->n, text));
		break;
	case CELL_TIME:
		clock_format_local(c->n, false, text);
		buf_adds(b, text);
		break;
	case CELL_FLAG:
		buf_adds(b, c->n != 0 ? "yes" : "no");
		break;
	}
	return buf_str(b);
}

static void
add_plain_rows(const struct rowset *rows, struct buf *to)
{
	const struct table *t = rows->metric->table;
	size_t cells = table_cells(t), i, j;
	struct output_column *columns = xcalloc(cells, sizeof *columns);
	struct output_table shown;
	struct buf b = BUF_INIT;

	for (j = 0; j < cells; j++) {
		enum cell_form form = cell_form(table_cell(t, j));

		columns[j].title = table_cell(t, j)->name;
		if (form == CELL_NUMBER || form == CELL_SECONDS)
			columns[j].kind = OUTPUT_NUMBER;
	}
	output_table_init(&shown, columns, cells);
	shown.width = output_width();
	for (i = 0; i < rows->n && i < ROWS_SHOWN; i++)
		for (j = 0; j < cells; j++)
			output_table_cell(
			    &shown, shown_cell(&b, table_cell(t, j),
					rowset_get(rows, i) + j));
	output_table_show(&shown, OUTPUT_TABLE, to);
	output_table_release(&shown);
	buf_release(&b);
	free(columns);
}

static void
add_plain_table(const struct rowset *rows, struct buf *to)
{
	const char *name = rows->metric->table->name;

	if (rows->n == 0) {
		buf_addf(to, "\n%s: no rows\n", name);
		return;
	}
	buf_addf(to, "\n%s:\n", name);
	add_plain_rows(rows, to);
	if (rows->n > ROWS_SHOWN)
		buf_addf(to, "%zu more: -o csv --table %s\n",
		    rows->n - ROWS_SHOWN, name);
}

void
tenant_rows_plain(const struct tenant_rows *r, struct buf *to)
{
	const struct metric_selection *c = r->pipeline->selection;
	size_t i;

	for (i = 0; i < r->tables_n; i++) {
		const struct rowset *rows = &r->tables[i];

		/* Nobody asked for what is there without -a. */
		if (!has_picture(rows->metric) &&
		    (rows->n > 0 || !rows->metric->by_default || !c->overview))
			add_plain_table(rows, to);
	}
	if (passes_records(c))
		buf_adds(to, "\nRecords are passed on with -o ndjson.\n");
}
