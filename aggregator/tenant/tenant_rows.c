/*
 * tenant_rows: makes the rows of each table and writes them as CSV, or as
 * NDJSON between markers. The tables for people are in tenant_rows_table.c.
 */
#include "aggregator/tenant/tenant_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/xalloc.h"
#include "common/output/output_table.h"
#include "common/text/jsonw.h"

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
	struct buf tail;  /* ,"as_of": ... } */
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
	else if (f->streaming != NULL && r->pipeline->streaming != NULL)
		streaming_metrics_emit(r->pipeline->streaming, to, r->which);
	rowset_end(to);
}

/* True if this is one of several aggregators. */
static bool
is_in_parts(const struct tenant_rows *r, const struct metric *f)
{
	return f->table->parts != NULL && r->pipeline->job->part.of > 0;
}

static bool
is_state(const struct tenant_rows *r, const struct metric *f)
{
	return f->table->life == LIFE_NOW && !is_in_parts(r, f);
}

/* Returns the time at which sums begin, if earlier data are unknown. The
 * tenant's row shows the sink how far the tables go. */
static int64_t
counts_since(const struct tenant_rows *r, const struct table *t)
{
	bool counts = t->life != LIFE_NOW && t != &tables[TABLE_intervals];

	return r->model->incremental &&
		       (counts || t == &tables[TABLE_tenant_metrics])
		   ? r->model->since
		   : CLOCK_NONE;
}

/* Formats what all rows of the metric share. */
static void
begin_table(
    struct row_writer *w, const struct tenant_rows *r, const struct metric *f)
{
	const struct shard *part =
	    is_in_parts(r, f) ? &r->pipeline->job->part : NULL;
	const struct table *t = part != NULL ? f->table->parts : f->table;
	int64_t since = counts_since(r, f->table);
	size_t i;

	jsonw_open(&w->head);
	jsonw_str(&w->head, "type", "row");
	jsonw_str(&w->head, "table", t->name);
	jsonw_str(&w->head, "tenant", r->model->tenant);
	if (r->snapshot != NULL && is_state(r, f))
		jsonw_str(&w->head, "snapshot", r->snapshot);
	if (part != NULL) {
		jsonw_int(&w->head, "generation", part->generation);
		jsonw_int(&w->head, "part", part->number);
	}
	w->cells = table_cells(t);
	w->cell = xcalloc(w->cells + 1, sizeof *w->cell);
	for (i = 0; i < w->cells; i++) {
		/* The head is not empty, so each name follows a comma. */
		buf_addf(&w->names, ",\"%s\":", table_cell(t, i)->name);
		w->cell[i].end = w->names.len;
		w->cell[i].form = cell_form(table_cell(t, i));
	}
	jsonw_time(&w->tail, "as_of", r->model->now);
	if (since != CLOCK_NONE)
		jsonw_time(&w->tail, "since", since);
	if (r->version != 0)
		jsonw_int(&w->tail, "version", r->version);
	jsonw_close(&w->tail);
}

static int
write_rows(const struct tenant_rows *r, const struct metric *f,
    tenant_rows_line_fn *line, void *ctx, int64_t *written)
{
	struct row_writer w = { .to = line, .ctx = ctx };
	struct rowset rows = { .metric = f,
		.part = is_in_parts(r, f),
		.each = write_row,
		.ctx = &w };

	begin_table(&w, r, f);
	emit_rows(r, &rows);
	rowset_release(&rows);
	buf_release(&w.head);
	buf_release(&w.names);
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

void
tenant_rows_release(struct tenant_rows *r)
{
	size_t i;

	for (i = 0; i < r->tables_n; i++)
		rowset_release(&r->tables[i]);
	free(r->tables);
	r->tables = NULL;
	r->tables_n = 0;
}

void
tenant_rows_make_tables(struct tenant_rows *r)
{
	const struct metric_selection *c = &r->pipeline->job->selection;
	size_t i;

	r->tables = xcalloc(c->n + 1, sizeof *r->tables);
	r->tables_n = c->n;
	for (i = 0; i < c->n; i++) {
		r->tables[i].metric = c->metrics[i];
		emit_rows(r, &r->tables[i]);
	}
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
		    is_state(r, c->metrics[i]) == (share == SHARE_STATE))
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
		if (is_state(r, c->metrics[i]))
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

void
tenant_rows_column(const struct column *column, struct output_column *to)
{
	enum cell_form form = cell_form(column);

	to->title = column->name;
	if (form == CELL_NUMBER || form == CELL_SECONDS)
		to->kind = OUTPUT_NUMBER;
}

const char *
tenant_rows_cell(struct buf *b, const struct column *column,
    const struct cell *c, bool for_people)
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
			    t, tenant_rows_cell(&b, table_cell(f->table, j),
				   &cells[j], false));
		output_table_cell(t, as_of);
	}
	buf_release(&b);
}

void
tenant_rows_csv(
    struct tenant_rows *r, size_t n, const struct metric *f, struct buf *to)
{
	size_t i, j, cells = table_cells(f->table);
	struct output_column *columns = xcalloc(cells + 2, sizeof *columns);
	struct output_table t;

	columns[0].title = "tenant";
	for (i = 0; i < cells; i++)
		tenant_rows_column(table_cell(f->table, i), &columns[i + 1]);
	columns[cells + 1].title = "as_of";
	output_table_init(&t, columns, cells + 2);
	for (i = 0; i < n; i++) {
		tenant_rows_make_tables(&r[i]);
		for (j = 0; j < r[i].tables_n; j++)
			if (r[i].tables[j].metric == f)
				add_csv_rows(&t, &r[i], &r[i].tables[j]);
	}
	output_table_show(&t, OUTPUT_CSV, to);
	output_table_release(&t);
	free(columns);
}
