/*
 * tenant_rows_table: the tables for people. They show cells of the rows for the
 * database, selected by column name, so nothing is computed here. First comes
 * the overview, which is filled here (common/output/overview.h), then the
 * metrics that it does not show, with the columns that they declare. If
 * requested data are omitted, the output says so.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/output/output_table.h"
#include "common/output/overview.h"

/* Further rows are left to -o csv. */
#define ROWS_SHOWN 20

/* True if the overview or the table of a simulation shows the metric. */
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

static void
add_plain_rows(const struct rowset *rows, struct buf *to)
{
	const struct table *t = rows->metric->table;
	size_t cells = table_cells(t), i, j;
	struct output_column *columns = xcalloc(cells, sizeof *columns);
	struct output_table shown;
	struct buf b = BUF_INIT;

	for (j = 0; j < cells; j++)
		tenant_rows_column(table_cell(t, j), &columns[j]);
	output_table_init(&shown, columns, cells);
	shown.width = output_width();
	for (i = 0; i < rows->n && i < ROWS_SHOWN; i++)
		for (j = 0; j < cells; j++)
			output_table_cell(
			    &shown, tenant_rows_cell(&b, table_cell(t, j),
					rowset_get(rows, i) + j, true));
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

/* Appends a table for each metric that the overview does not show. */
static void
add_plain_tables(const struct tenant_rows *r, struct buf *to)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;

	for (i = 0; i < r->tables_n; i++) {
		const struct rowset *rows = &r->tables[i];

		/* Omit empty tables that are selected by default. */
		if (!has_picture(rows->metric) &&
		    (rows->n > 0 || !rows->metric->by_default || !c->overview))
			add_plain_table(rows, to);
	}
	if (passes_records(c))
		buf_adds(to, "\nUse -o ndjson to pass records on.\n");
}

static const struct rowset *
find_rowset(const struct tenant_rows *r, const char *table)
{
	size_t i;

	for (i = 0; i < r->tables_n; i++)
		if (strcmp(r->tables[i].metric->table->name, table) == 0)
			return &r->tables[i];
	prog_die(PROG_SOFTWARE, "no metric of -a has the table '%s'", table);
}

static const struct cell *
find_cell(const struct rowset *rows, size_t row, const char *column)
{
	int i = metric_column(rows->metric, column);

	if (i < 0)
		prog_die(PROG_SOFTWARE, "no column '%s' in %s", column,
		    rows->metric->table->name);
	return rowset_get(rows, row) + i;
}

/* Returns the column's number, or a duration in ms. */
static int64_t
find_number(const struct rowset *rows, size_t row, const char *column)
{
	const struct cell *c = find_cell(rows, row, column);

	return c->set ? c->n : OVERVIEW_NONE;
}

/* Owned by the caller; NULL if the cell is empty. */
static char *
copy_text(const struct rowset *rows, size_t row, const char *column)
{
	const struct cell *c = find_cell(rows, row, column);

	return c->set ? xstrndup(c->text.p, c->text.len) : NULL;
}

/* Returns the name in the row, or the id; owned by the caller. */
static char *
copy_label(
    const struct rowset *rows, size_t row, const char *name, const char *id)
{
	const struct cell *c = find_cell(rows, row, name);

	return copy_text(rows, row, c->set && c->text.len > 0 ? name : id);
}

static void
fill_totals(const struct rowset *t, struct overview *o)
{
	o->open_chats = find_number(t, 0, "open_chats");
	o->unassigned_chats = find_number(t, 0, "unassigned_chats");
	o->waiting_chats = find_number(t, 0, "waiting_chats");
	o->longest_wait = find_number(t, 0, "longest_wait_seconds");
	o->responses = find_number(t, 0, "responses");
	o->average = find_number(t, 0, "avg_response_seconds");
	o->skewed = find_number(t, 0, "skewed");
}

static void
fill_operators(const struct rowset *rows, struct overview *o)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		struct overview_operator *p = overview_add_operator(o);

		p->name = copy_label(rows, i, "name", "operator");
		p->available = find_number(rows, i, "available");
		p->open_chats = find_number(rows, i, "open_chats");
		p->waiting_chats = find_number(rows, i, "waiting_chats");
		p->longest_wait = find_number(rows, i, "longest_wait_seconds");
		p->responses = find_number(rows, i, "responses");
		p->average = find_number(rows, i, "avg_response_seconds");
		p->median = find_number(rows, i, "median_response_seconds");
		p->p90 = find_number(rows, i, "p90_response_seconds");
		p->average_first =
		    find_number(rows, i, "avg_first_response_seconds");
	}
}

/* Returns the name of a chat's operator, or the id; NULL if it is
 * unassigned. */
static char *
copy_operator(
    const struct rowset *operators, const struct rowset *chats, size_t row)
{
	const struct cell *id = find_cell(chats, row, "operator");
	size_t i;

	for (i = 0; id->set && i < operators->n; i++)
		if (find_cell(operators, i, "operator")->text.p == id->text.p)
			return copy_label(operators, i, "name", "operator");
	return copy_text(chats, row, "operator");
}

static void
fill_chats(const struct tenant_rows *r, struct overview *o)
{
	const struct rowset *operators = find_rowset(r, "operator_metrics"),
			    *rows = find_rowset(r, "chat_metrics");
	size_t i;

	for (i = 0; i < rows->n; i++) {
		const struct cell *since = find_cell(rows, i, "waiting_since");
		struct overview_chat *c;

		if (!since->set)
			continue;
		c = overview_add_chat(o);
		c->wait =
		    r->model->as_of > since->n ? r->model->as_of - since->n : 0;
		c->chat = copy_text(rows, i, "chat");
		c->operator= copy_operator(operators, rows, i);
		c->customer = copy_label(rows, i, "customer_name", "customer");
		c->channel = copy_text(rows, i, "channel");
		c->tag = copy_text(rows, i, "tag");
	}
}

static void
add_heading(const struct tenant_rows *r, size_t width, struct buf *to)
{
	const char *definition = r->model->definition->name;
	struct buf text = BUF_INIT;

	if (strcmp(definition, definition_ours.name) != 0)
		buf_addf(&text, ", as %s counts", definition);
	overview_heading(
	    r->model->tenant, r->model->as_of, buf_str(&text), width, to);
	buf_release(&text);
}

static void
add_overview(const struct tenant_rows *r, size_t width, struct buf *to)
{
	struct overview o = { 0 };

	fill_totals(find_rowset(r, "tenant_metrics"), &o);
	fill_operators(find_rowset(r, "operator_metrics"), &o);
	fill_chats(r, &o);
	overview_show(&o, width, to);
	overview_release(&o);
}

void
tenant_rows_table(struct tenant_rows *r, size_t n, struct buf *to)
{
	size_t i, width = output_width();

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(to, '\n');
		tenant_rows_make_tables(&r[i]);
		add_heading(&r[i], width, to);
		if (r[i].pipeline->job->selection.overview)
			add_overview(&r[i], width, to);
		add_plain_tables(&r[i], to);
	}
}
