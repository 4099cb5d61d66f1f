/*
 * tenant_rows_table: the tables for people. They show cells of the same rows
 * that go to the database, by column name, so no metric is computed here. The
 * overview is here: the operators, and who waits; tenant_rows_plain.c has all
 * other tables.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/output/duration.h"
#include "common/output/output_table.h"

/* More chats than that push the operators off the screen. */
#define QUEUE_SHOWN 10

static const struct rowset *
find_rowset(const struct tenant_rows *r, const char *table)
{
	size_t i;

	for (i = 0; i < r->tables_n; i++)
		if (strcmp(r->tables[i].metric->table->name, table) == 0)
			return &r->tables[i];
	prog_die(PROG_SOFTWARE, "no table '%s' among the metrics", table);
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

static const char *
cell_for_people(
    struct buf *b, const struct rowset *rows, size_t row, const char *column)
{
	const struct cell *c = find_cell(rows, row, column);
	int i = metric_column(rows->metric, column);

	return tenant_rows_cell(
	    b, table_cell(rows->metric->table, (size_t)i), c);
}

static void
add_heading(const struct tenant_rows *r, struct buf *to)
{
	char as_of[CLOCK_TEXT];

	clock_format_sql(r->model->as_of, as_of);
	buf_addf(to, "%s, as of %.19s UTC", r->model->tenant, as_of);
	if (strcmp(r->definition, definition_ours.name) != 0)
		buf_addf(to, ", as %s counts", r->definition);
	buf_addc(to, '\n');
}

static void
add_totals(const struct tenant_rows *r, struct buf *to)
{
	const struct rowset *t = find_rowset(r, "tenant_metrics");
	static const struct {
		const char *before, *column, *after;
	} parts[] = {
		{ "open ", "open_chats", "" },
		{ ", unassigned ", "unassigned_chats", "" },
		{ ", waiting ", "waiting_chats", "" },
		{ " (longest ", "longest_wait_seconds", ")" },
		{ "; responses ", "responses", "" },
		{ ", average ", "avg_response_seconds", "" },
		{ "; skewed ", "skewed", "" },
	};
	struct buf b = BUF_INIT;
	const char *text;
	size_t i;

	for (i = 0; i < ARRAY_LEN(parts); i++) {
		text = cell_for_people(&b, t, 0, parts[i].column);
		if (text == NULL || (strcmp(parts[i].column, "skewed") == 0 &&
					strcmp(text, "0") == 0))
			continue;
		buf_addf(to, "%s%s%s", parts[i].before, text, parts[i].after);
	}
	buf_adds(to, "\n\n");
	buf_release(&b);
}

/* The name in the row, else the id. */
static const char *
row_label(struct buf *b, const struct rowset *rows, size_t row,
    const char *name, const char *id)
{
	const char *text = cell_for_people(b, rows, row, name);

	return text != NULL && *text != '\0'
		   ? text
		   : cell_for_people(b, rows, row, id);
}

struct table_entry {
	char *label;
	size_t row;
	int64_t since;
};

static int
by_label(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;
	int c = strcmp(x->label, y->label);

	return c != 0 ? c : (x->row > y->row) - (x->row < y->row);
}

static int
by_wait(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;

	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static void
free_entries(struct table_entry *v, size_t n)
{
	while (n-- > 0)
		free(v[n].label);
	free(v);
}

/* The operators by their labels; the caller frees it with free_entries(). */
static struct table_entry *
sort_operators(const struct rowset *rows)
{
	struct table_entry *order = xcalloc(rows->n + 1, sizeof *order);
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		order[i].row = i;
		order[i].label =
		    xstrdup(row_label(&b, rows, i, "name", "operator"));
	}
	qsort(order, rows->n, sizeof *order, by_label);
	buf_release(&b);
	return order;
}

static void
add_operators_table(const struct tenant_rows *r, struct buf *to)
{
	static const struct output_column columns[] = {
		{ "OPERATOR", false },
		{ "AVAIL", false },
		{ "OPEN", true },
		{ "WAITING", true },
		{ "LONGEST", true },
		{ "RESPONSES", true },
		{ "AVERAGE", true },
		{ "MEDIAN", true },
		{ "P90", true },
		{ "FIRST", true },
	};
	static const char *const shown[] = { "available", "open_chats",
		"waiting_chats", "longest_wait_seconds", "responses",
		"avg_response_seconds", "median_response_seconds",
		"p90_response_seconds", "avg_first_response_seconds" };
	const struct rowset *rows = find_rowset(r, "operator_metrics");
	struct table_entry *order = sort_operators(rows);
	struct output_table t;
	struct buf b = BUF_INIT;
	size_t i, j;

	output_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < rows->n; i++) {
		output_table_cell(&t, order[i].label);
		for (j = 0; j < ARRAY_LEN(shown); j++)
			output_table_cell(&t,
			    cell_for_people(&b, rows, order[i].row, shown[j]));
	}
	output_table_show(&t, OUTPUT_TABLE, to);
	output_table_release(&t);
	free_entries(order, rows->n);
	buf_release(&b);
}

/* The name of the operator with that id, or the id itself. */
static const char *
operator_label(
    struct buf *b, const struct tenant_rows *r, const struct cell *id)
{
	const struct rowset *rows = find_rowset(r, "operator_metrics");
	size_t i;

	if (!id->set)
		return NULL;
	for (i = 0; i < rows->n; i++)
		if (find_cell(rows, i, "operator")->text.p == id->text.p)
			return row_label(b, rows, i, "name", "operator");
	buf_clear(b);
	buf_add(b, id->text.p, id->text.len);
	return buf_str(b);
}

static void
add_waiting_row(struct output_table *t, const struct tenant_rows *r,
    const struct rowset *rows, size_t row)
{
	char text[DURATION_TEXT];
	struct buf b = BUF_INIT;
	int64_t wait =
	    r->model->as_of - find_cell(rows, row, "waiting_since")->n;

	output_table_cell(t, duration_format(wait > 0 ? wait : 0, text));
	output_table_cell(t, cell_for_people(&b, rows, row, "chat"));
	output_table_cell(
	    t, operator_label(&b, r, find_cell(rows, row, "operator")));
	output_table_cell(
	    t, row_label(&b, rows, row, "customer_name", "customer"));
	output_table_cell(t, cell_for_people(&b, rows, row, "channel"));
	output_table_cell(t, cell_for_people(&b, rows, row, "tag"));
	buf_release(&b);
}

static void
add_waiting_table(const struct tenant_rows *r, struct buf *to)
{
	static const struct output_column columns[] = {
		{ "WAITING", true },
		{ "CHAT", false },
		{ "HELD BY", false },
		{ "CUSTOMER", false },
		{ "CHANNEL", false },
		{ "TAG", false },
	};
	const struct rowset *rows = find_rowset(r, "chat_metrics");
	struct table_entry *order = xcalloc(rows->n + 1, sizeof *order);
	const struct cell *since;
	struct output_table t;
	size_t i, n = 0;

	for (i = 0; i < rows->n; i++) {
		since = find_cell(rows, i, "waiting_since");
		if (!since->set)
			continue;
		order[n].row = i;
		order[n++].since = since->n;
	}
	qsort(order, n, sizeof *order, by_wait);
	output_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < n && i < QUEUE_SHOWN; i++)
		add_waiting_row(&t, r, rows, order[i].row);
	if (n > 0) {
		buf_addc(to, '\n');
		output_table_show(&t, OUTPUT_TABLE, to);
	}
	if (n > QUEUE_SHOWN)
		buf_addf(to, "... and %zu more\n", n - QUEUE_SHOWN);
	output_table_release(&t);
	free_entries(order, n);
}

void
tenant_rows_table(struct tenant_rows *r, size_t n, struct buf *to)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(to, '\n');
		tenant_rows_make_tables(&r[i]);
		add_heading(&r[i], to);
		if (r[i].pipeline->selection->overview) {
			add_totals(&r[i], to);
			add_operators_table(&r[i], to);
			add_waiting_table(&r[i], to);
		}
		tenant_rows_plain(&r[i], to);
	}
}
