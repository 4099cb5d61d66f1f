/*
 * tenant_rows: see tenant_rows.h. First the lines of NDJSON, then CSV, then the
 * tables for people.
 *
 * The tables for people show cells of the rows for the database, selected by
 * column name, so nothing is computed for them. First comes the overview
 * (common/output/overview.h), then the metrics that it does not show, with the
 * columns that they declare. If requested data are omitted, the output says so.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/hours/due_words.h"
#include "common/hours/terms.h"
#include "common/json/jsonw.h"
#include "common/output/output_table.h"
#include "common/output/overview.h"

/* How a cell is written. */
enum cell_form {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_SECONDS, /* kept in ms, written with three decimals */
	CELL_TIME,
	CELL_FLAG,
};

static enum cell_form
cell_form(const struct column *c)
{
	static const enum cell_form forms[] = {
		[COLUMN_ID] = CELL_TEXT,
		[COLUMN_PLACE] = CELL_TEXT,
		[COLUMN_TEXT] = CELL_TEXT,
		[COLUMN_STATUS] = CELL_TEXT,
		[COLUMN_JSON] = CELL_TEXT,
		[COLUMN_TIME] = CELL_TIME,
		[COLUMN_HOUR] = CELL_TIME,
		[COLUMN_SECONDS] = CELL_SECONDS,
		[COLUMN_COUNT] = CELL_NUMBER,
		[COLUMN_LENGTH] = CELL_NUMBER,
		[COLUMN_REAL] = CELL_NUMBER,
		[COLUMN_BOOL] = CELL_FLAG,
		[COLUMN_VERSION] = CELL_NUMBER,
	};

	return forms[c->kind];
}

/* Writes the rows of one table as NDJSON. What all rows share is formatted
 * once; each row is then put together from that and its values. A flush has
 * tens of thousands of rows, and a row of 15 columns takes a third of the
 * instructions that a jsonw call for each member takes (measured with
 * callgrind: 3,200 and 9,600). Values are written by the functions that jsonw
 * uses. */
struct row_writer {
	size_t cells;
	struct buf head;  /* {"type":"row", ... */
	struct buf names; /* ,"column": for each column; cell[] has their
			   * ends */
	struct buf left;  /* ,"left_at": ... of an operator who has left */
	struct buf tail;  /* ,"as_of": ... } */
	const struct rowset *rows;
	struct row_writer_cell {
		size_t end;
		enum cell_form form;
	} * cell;
	struct buf line;
	tenant_rows_line_fn *to;
	void *ctx;
	int64_t written;
	bool failed;
};

static char *
copy(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* Writes a cell of any type except text, which has no maximum length. */
static char *
put_cell(char *to, enum cell_form form, const struct cell *c)
{
	if (!c->set)
		return copy(to, "null", 4);
	switch (form) {
	case CELL_NUMBER:
		return decimal_write(to, c->n);
	case CELL_SECONDS:
		return decimal_write_thousandths(to, c->n);
	case CELL_TIME:
		return jsonw_write_time(to, c->n);
	case CELL_FLAG:
		return c->n != 0 ? copy(to, "true", 4) : copy(to, "false", 5);
	case CELL_TEXT:
		break;
	}
	return to;
}

static void
write_row(void *ctx, const struct cell *cells)
{
	struct row_writer *w = ctx;
	struct buf *to = &w->line;
	size_t i, from = 0, len;
	char *p, *start;

	if (w->failed)
		return;
	buf_clear(to);
	buf_add(to, w->head.data, w->head.len);
	for (i = 0; i < w->cells; from = w->cell[i++].end) {
		len = w->cell[i].end - from;
		start = buf_room(to, len + JSONW_TIME_ROOM);
		p = copy(start, w->names.data + from, len);
		p = put_cell(p, w->cell[i].form, &cells[i]);
		buf_grown(to, (size_t)(p - start));
		if (cells[i].set && w->cell[i].form == CELL_TEXT)
			jsonw_quote(to, cells[i].text.p, cells[i].text.len);
	}
	buf_addc(to, ',');
	if (w->rows->left)
		buf_add(to, w->left.data, w->left.len);
	buf_add(to, w->tail.data, w->tail.len);
	w->failed = w->to(w->ctx, to->data, to->len) == -1;
	w->written++;
}

static void
emit_rows(const struct tenant_rows *r, struct rowset *to)
{
	const struct metric *f = to->metric;

	if (f->emit != NULL)
		f->emit(r->model, to, r->which);
	else if (f->emit_simulation != NULL && r->simulation != NULL)
		f->emit_simulation(r->simulation, to);
	else if (f->streaming != NULL)
		streaming_metrics_emit(r->pipeline->streaming, to, r->which);
	rowset_end(to);
}

static bool
is_state(const struct metric *f)
{
	return f->table->life == LIFE_NOW;
}

/* Formats what all rows of the metric share. */
static void
begin_table(
    struct row_writer *w, const struct tenant_rows *r, const struct metric *f)
{
	const struct table *t = f->table;
	size_t i;

	jsonw_open(&w->head);
	jsonw_str(&w->head, "type", "row");
	jsonw_str(&w->head, "table", t->name);
	jsonw_str(&w->head, "tenant", r->model->tenant);
	if (r->snapshot != NULL && is_state(f))
		jsonw_str(&w->head, "snapshot", r->snapshot);
	w->cells = table_cells(t);
	w->cell = xcalloc(w->cells + 1, sizeof *w->cell);
	for (i = 0; i < w->cells; i++) {
		/* The head is not empty, so each name follows a comma. */
		buf_addf(&w->names, ",\"%s\":", table_cell(t, i)->name);
		w->cell[i].end = w->names.len;
		w->cell[i].form = cell_form(table_cell(t, i));
	}
	jsonw_time(&w->left, "left_at", r->model->now);
	buf_addc(&w->left, ',');
	jsonw_time(&w->tail, "as_of", r->model->now);
	if (t == &tables[TABLE_tenant_metrics] &&
	    r->model->present > r->model->now)
		jsonw_time(&w->tail, "waits_until", r->model->present);
	if (r->version != 0)
		jsonw_int(&w->tail, "version", r->version);
	jsonw_close(&w->tail);
}

static int
write_rows(const struct tenant_rows *r, const struct metric *f,
    tenant_rows_line_fn *line, void *ctx, int64_t *written)
{
	struct row_writer w = { .to = line, .ctx = ctx };
	struct rowset rows = { .metric = f, .each = write_row, .ctx = &w };

	w.rows = &rows;
	begin_table(&w, r, f);
	emit_rows(r, &rows);
	rowset_release(&rows);
	buf_release(&w.head);
	buf_release(&w.names);
	buf_release(&w.left);
	buf_release(&w.tail);
	buf_release(&w.line);
	free(w.cell);
	*written += w.written;
	return w.failed ? -1 : 0;
}

void
tenant_rows_init(
    struct tenant_rows *r, struct pipeline *d, const char *snapshot)
{
	pipeline_recompute(d, true);
	*r = (struct tenant_rows){ .model = &d->model,
		.pipeline = d,
		.which = ROWS_ALL,
		.snapshot = snapshot };
}

static void
write_marker(struct buf *b, const struct tenant_rows *r, const char *state,
    int64_t records)
{
	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "snapshot");
	jsonw_str(b, "tenant", r->model->tenant);
	jsonw_str(b, "state", state);
	jsonw_str(b, "snapshot", r->snapshot);
	jsonw_time(b, "at", r->model->as_of);
	if (records >= 0)
		jsonw_int(b, "records", records);
	jsonw_close(b);
}

/* All rows, only those between the markers of a snapshot, or the rest. */
enum share { SHARE_ALL, SHARE_STATE, SHARE_REST };

static int
write_tables(const struct tenant_rows *r, enum share share,
    tenant_rows_line_fn *line, void *ctx, int64_t *written)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;
	int rc = 0;

	*written = 0;
	for (i = 0; i < c->n && rc == 0; i++) {
		if (share == SHARE_ALL ||
		    is_state(c->metrics[i]) == (share == SHARE_STATE))
			rc = write_rows(r, c->metrics[i], line, ctx, written);
	}
	return rc;
}

/* True if a selected metric has rows between the markers; otherwise the markers
 * would be empty. */
static bool
has_state(const struct tenant_rows *r)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (is_state(c->metrics[i]))
			return true;
	return false;
}

int
tenant_rows_ndjson(
    const struct tenant_rows *r, tenant_rows_line_fn *line, void *ctx)
{
	bool marks = r->snapshot != NULL && has_state(r);
	struct buf b = BUF_INIT;
	int64_t written = 0;
	int ret = -1;

	/* Only tables of state, which are small, are between the markers. */
	if (marks) {
		if (write_tables(r, SHARE_REST, line, ctx, &written) == -1)
			goto out;
		write_marker(&b, r, "begin", -1);
		if (line(ctx, b.data, b.len) == -1)
			goto out;
	}
	if (write_tables(
		r, marks ? SHARE_STATE : SHARE_ALL, line, ctx, &written) == -1)
		goto out;
	if (marks) {
		write_marker(&b, r, "end", written);
		if (line(ctx, b.data, b.len) == -1)
			goto out;
	}
	ret = 0;
out:
	buf_release(&b);
	return ret;
}

int
tenant_rows_changed(
    struct pipeline *d, int64_t version, tenant_rows_line_fn *line, void *ctx)
{
	const struct tenant_rows r = { .model = &d->model,
		.pipeline = d,
		.which = ROWS_CHANGED,
		.version = version };
	int64_t written = 0;

	return write_tables(&r, SHARE_ALL, line, ctx, &written);
}

/* Sets the title of a column, and how it is aligned. */
static void
set_column(const struct column *column, struct output_column *to)
{
	enum cell_form form = cell_form(column);

	to->title = column->name;
	if (form == CELL_NUMBER || form == CELL_SECONDS)
		to->kind = OUTPUT_NUMBER;
}

/* Returns the text of a cell; NULL if the cell is empty. */
static const char *
format_cell(struct buf *b, const struct column *column, const struct cell *c,
    bool for_people)
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
		if (for_people)
			buf_adds(b, duration_format(c->n, text));
		else
			buf_addf(b, "%lld.%03lld", (long long)(c->n / 1000),
			    (long long)(c->n % 1000));
		break;
	case CELL_TIME:
		if (for_people)
			clock_format_local(c->n, false, text);
		else
			clock_format(c->n, text);
		buf_adds(b, text);
		break;
	case CELL_FLAG:
		if (for_people)
			buf_adds(b, c->n != 0 ? "yes" : "no");
		else
			buf_adds(b, c->n != 0 ? "true" : "false");
		break;
	}
	return buf_str(b);
}

static void
add_csv_rows(struct output_table *t, const struct tenant_rows *r,
    const struct rowset *rows)
{
	const struct metric *f = rows->metric;
	struct buf b = BUF_INIT;
	char as_of[CLOCK_TEXT];
	size_t i, j;

	clock_format(r->model->as_of, as_of);
	for (i = 0; i < rows->n; i++) {
		const struct cell *cells = rowset_get(rows, i);

		output_table_cell(t, r->model->tenant);
		for (j = 0; j < table_cells(f->table); j++)
			output_table_cell(
			    t, format_cell(&b, table_cell(f->table, j),
				   &cells[j], false));
		output_table_cell(t, as_of);
	}
	buf_release(&b);
}

void
tenant_rows_csv(const struct tenant_rows *r, size_t n, const struct metric *f,
    struct buf *to)
{
	size_t i, cells = table_cells(f->table);
	struct output_column *columns = xcalloc(cells + 2, sizeof *columns);
	struct output_table t;

	columns[0].title = "tenant";
	for (i = 0; i < cells; i++)
		set_column(table_cell(f->table, i), &columns[i + 1]);
	columns[cells + 1].title = "as_of";
	output_table_init(&t, columns, cells + 2);
	for (i = 0; i < n; i++) {
		struct rowset rows = { .metric = f };

		emit_rows(&r[i], &rows);
		add_csv_rows(&t, &r[i], &rows);
		rowset_release(&rows);
	}
	output_table_show(&t, OUTPUT_CSV, to);
	output_table_release(&t);
	free(columns);
}

/* Further rows are left to -o csv. */
#define ROWS_SHOWN 20

/* True if the overview or the table of a simulation shows the metric. */
static bool
has_picture(const struct metric *f)
{
	return f->in_overview || f->emit_simulation != NULL;
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
		set_column(table_cell(t, j), &columns[j]);
	output_table_init(&shown, columns, cells);
	shown.width = output_width();
	for (i = 0; i < rows->n && i < ROWS_SHOWN; i++)
		for (j = 0; j < cells; j++)
			output_table_cell(
			    &shown, format_cell(&b, table_cell(t, j),
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
add_plain_tables(
    const struct tenant_rows *r, const struct rowset *rowsets, struct buf *to)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;

	/* Omit empty tables that are selected by default. */
	for (i = 0; i < c->n; i++)
		if (!has_picture(c->metrics[i]) &&
		    (rowsets[i].n > 0 || !c->metrics[i]->by_default ||
			!c->overview))
			add_plain_table(&rowsets[i], to);
	if (passes_records(c))
		buf_adds(to, "\nUse -o ndjson to pass records on.\n");
}

static const struct rowset *
find_rowset(const struct tenant_rows *r, const struct rowset *rowsets,
    const char *table)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->metrics[i]->table->name, table) == 0)
			return &rowsets[i];
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

/* Sets when an answer to the waiting customer is due. */
static void
fill_due(const struct tenant_rows *r, const struct rowset *rows, size_t i,
    struct overview_chat *c)
{
	struct text channel = find_cell(rows, i, "channel")->text;
	const struct judged_wait w = {
		.kind = target_kind_of_answer(
		    find_cell(rows, i, "next_kind")->text),
		.since = find_number(rows, i, "waiting_since"),
		.answer_by = find_number(rows, i, "answer_by"),
		.soon_at = find_number(rows, i, "soon_at"),
	};
	struct buf words = BUF_INIT;

	c->answer_by = w.answer_by;
	if (c->answer_by == OVERVIEW_NONE)
		return;
	due_words(terms_of_channel(r->model->terms, channel), &w,
	    r->model->as_of, &words);
	c->due = xstrdup(buf_str(&words));
	buf_release(&words);
}

static void
fill_chats(const struct tenant_rows *r, const struct rowset *rows,
    const struct rowset *operators, struct overview *o)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		const struct cell *since = find_cell(rows, i, "waiting_since");
		struct overview_chat *c;

		if (!since->set)
			continue;
		c = overview_add_chat(o);
		fill_due(r, rows, i, c);
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
	int64_t since = coverage_since(&r->model->coverage);
	struct buf text = BUF_INIT;

	if (strcmp(definition, definition_ours.name) != 0)
		buf_addf(&text, ", as %s counts", definition);
	if (since != CLOCK_NONE)
		overview_since(true, since, r->model->as_of, &text);
	overview_heading(
	    r->model->tenant, r->model->as_of, buf_str(&text), width, to);
	buf_release(&text);
}

static void
add_overview(const struct tenant_rows *r, const struct rowset *rowsets,
    size_t width, struct buf *to)
{
	const struct rowset *operators =
	    find_rowset(r, rowsets, "operator_metrics");
	struct overview o = {
		.has_targets = terms_have_targets(r->model->terms),
		.has_hours = terms_have_hours(r->model->terms),
	};

	fill_totals(find_rowset(r, rowsets, "tenant_metrics"), &o);
	fill_operators(operators, &o);
	fill_chats(r, find_rowset(r, rowsets, "chat_metrics"), operators, &o);
	overview_show(&o, width, to);
	overview_release(&o);
}

/* Appends the tables of one tenant. */
static void
add_tables(const struct tenant_rows *r, size_t width, struct buf *to)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	struct rowset *rowsets = xcalloc(c->n + 1, sizeof *rowsets);
	size_t i;

	for (i = 0; i < c->n; i++) {
		rowsets[i].metric = c->metrics[i];
		emit_rows(r, &rowsets[i]);
	}
	add_heading(r, width, to);
	if (c->overview)
		add_overview(r, rowsets, width, to);
	add_plain_tables(r, rowsets, to);
	for (i = 0; i < c->n; i++)
		rowset_release(&rowsets[i]);
	free(rowsets);
}

void
tenant_rows_table(const struct tenant_rows *r, size_t n, struct buf *to)
{
	size_t i, width = output_width();

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(to, '\n');
		add_tables(&r[i], width, to);
	}
}
