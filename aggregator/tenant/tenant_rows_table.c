/*
 * tenant_rows_table: the tables for people. They show cells of the same rows
 * that go to the database, by column name, so no metric is computed here. The
 * overview is filled here (common/output/overview.h); tenant_rows_plain.c has
 * all other tables.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/output/output_table.h"
#include "common/output/overview.h"

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

/* The number of that column, or the ms of a length of time. */
static int64_t
find_number(const struct rowset *rows, size_t row, const char *column)
{
	const struct cell *c = find_cell(rows, row, column);

	return c->set ? c->n : OVERVIEW_NONE;
}

/* Owned; NULL: there is none. */
static char *
copy_text(const struct rowset *rows, size_t row, const char *column)
{
	const struct cell *c = find_cell(rows, row, column);

	return c->set ? xstrndup(c->text.p, c->text.len) : NULL;
}

/* The name in the row, else the id; owned. */
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

/* The name of the operator of a chat, or the id itself; NULL: nobody. */
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
add_heading(const struct tenant_rows *r, const struct overview_screen *screen,
    struct buf *to)
{
	struct buf text = BUF_INIT;

	if (strcmp(r->definition, definition_ours.name) != 0)
		buf_addf(&text, ", as %s counts", r->definition);
	overview_heading(
	    r->model->tenant, r->model->as_of, buf_str(&text), screen, to);
	buf_release(&text);
}

static void
add_overview(const struct tenant_rows *r, const struct overview_screen *screen,
    struct buf *to)
{
	struct overview o = { 0 };

	fill_totals(find_rowset(r, "tenant_metrics"), &o);
	fill_operators(find_rowset(r, "operator_metrics"), &o);
	fill_chats(r, &o);
	overview_show(&o, screen, to);
	overview_release(&o);
}

void
tenant_rows_table(struct tenant_rows *r, size_t n, struct buf *to)
{
	const struct overview_screen screen = { .width = output_width(),
		.lines = SIZE_MAX };
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(to, '\n');
		tenant_rows_make_tables(&r[i]);
		add_heading(&r[i], &screen, to);
		if (r[i].pipeline->selection->overview)
			add_overview(&r[i], &screen, to);
		tenant_rows_plain(&r[i], to);
	}
}
