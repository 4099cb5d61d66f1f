/*
 * report: makes the rows, and writes them as NDJSON and CSV; the table for
 * people is in report_table.c.
 */
#include "aggregator/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/jsonw.h"
#include "common/out.h"
#include "common/xalloc.h"

static void
make_tables(struct report *r, struct drive *d, enum figure_rows which)
{
	const struct choice *c = d->choice;
	size_t i;

	r->model = &d->model;
	r->tables = xcalloc(c->n + 1, sizeof *r->tables);
	r->tables_n = c->n;
	for (i = 0; i < c->n; i++) {
		r->tables[i].figure = c->figures[i];
		if (c->figures[i]->emit != NULL)
			c->figures[i]->emit(&d->model, &r->tables[i], which);
		else if (d->flows != NULL)
			flows_emit(d->flows, &r->tables[i], which);
	}
}

void
report_init(struct report *r, struct drive *d, const struct rules *rules,
    const char *snapshot, int64_t end_at)
{
	drive_settle(d, rules, true);
	r->snapshot = snapshot;
	r->end_at = end_at;
	r->version = 0;
	r->definition = rules->name;
	make_tables(r, d, ROWS_ALL);
}

void
report_init_changed(struct report *r, struct drive *d,
    const struct rules *rules, int64_t version)
{
	r->snapshot = NULL;
	r->end_at = 0;
	r->version = version;
	r->definition = rules->name;
	make_tables(r, d, ROWS_CHANGED);
}

void
report_release(struct report *r)
{
	size_t i;

	for (i = 0; i < r->tables_n; i++)
		rowset_release(&r->tables[i]);
	free(r->tables);
	r->tables = NULL;
	r->tables_n = 0;
}

static void
write_cell(struct buf *b, const struct column *column, const struct cell *c)
{
	if (!c->set) {
		jsonw_null(b, column->name);
		return;
	}
	switch (column->kind) {
	case COLUMN_TEXT:
		jsonw_text(b, column->name, c->text);
		break;
	case COLUMN_COUNT:
		jsonw_int(b, column->name, c->n);
		break;
	case COLUMN_SECONDS:
		jsonw_seconds(b, column->name, c->n);
		break;
	case COLUMN_TIME:
		jsonw_time(b, column->name, c->n);
		break;
	case COLUMN_FLAG:
		jsonw_bool(b, column->name, c->n != 0);
		break;
	}
}

static void
write_row(struct buf *b, const struct report *r, const struct rowset *rows,
    const struct cell *cells)
{
	const struct figure *f = rows->figure;
	size_t i;

	jsonw_open(b);
	jsonw_str(b, "type", "row");
	jsonw_str(b, "table", f->table);
	jsonw_str(b, "tenant", r->model->tenant);
	if (r->snapshot != NULL)
		jsonw_str(b, "snapshot", r->snapshot);
	for (i = 0; i < f->columns_n; i++)
		write_cell(b, &f->columns[i], &cells[i]);
	jsonw_time(b, "as_of", r->model->as_of);
	if (r->version != 0)
		jsonw_int(b, "version", r->version);
	jsonw_close(b);
}

static void
write_marker(struct buf *b, const struct report *r, const char *state,
    int64_t at, int64_t records)
{
	jsonw_open(b);
	jsonw_str(b, "type", "snapshot");
	jsonw_str(b, "tenant", r->model->tenant);
	jsonw_str(b, "state", state);
	jsonw_str(b, "snapshot", r->snapshot);
	jsonw_time(b, "at", at);
	if (records >= 0)
		jsonw_int(b, "records", records);
	jsonw_close(b);
}

static int
write_tables(const struct report *r, struct buf *b, report_line_fn *line,
    void *ctx, int64_t *written)
{
	size_t i, j;

	for (i = 0; i < r->tables_n; i++) {
		for (j = 0; j < r->tables[i].n; j++) {
			buf_clear(b);
			write_row(
			    b, r, &r->tables[i], rowset_get(&r->tables[i], j));
			if (line(ctx, b->data, b->len) == -1)
				return -1;
			*written += 1;
		}
	}
	return 0;
}

int
report_ndjson(const struct report *r, report_line_fn *line, void *ctx)
{
	struct buf b = BUF_INIT;
	int64_t written = 0;
	int ret = -1;

	if (r->snapshot != NULL) {
		write_marker(&b, r, "begin", r->model->as_of, -1);
		if (line(ctx, b.data, b.len) == -1)
			goto out;
	}
	if (write_tables(r, &b, line, ctx, &written) == -1)
		goto out;
	if (r->snapshot != NULL) {
		buf_clear(&b);
		write_marker(&b, r, "end", r->end_at, written);
		if (line(ctx, b.data, b.len) == -1)
			goto out;
	}
	ret = 0;
out:
	buf_release(&b);
	return ret;
}

/* The cell as CSV shows it; NULL for nothing. */
static const char *
plain_text(struct buf *b, const struct column *column, const struct cell *c)
{
	char time[CLOCK_TEXT];

	buf_clear(b);
	if (!c->set)
		return NULL;
	switch (column->kind) {
	case COLUMN_TEXT:
		buf_add(b, c->text.p, c->text.len);
		break;
	case COLUMN_COUNT:
		buf_addi(b, c->n);
		break;
	case COLUMN_SECONDS:
		buf_addf(b, "%lld.%03lld", (long long)(c->n / 1000),
		    (long long)(c->n % 1000));
		break;
	case COLUMN_TIME:
		clock_format(c->n, time);
		buf_adds(b, time);
		break;
	case COLUMN_FLAG:
		buf_adds(b, c->n != 0 ? "true" : "false");
		break;
	}
	return buf_str(b);
}

static void
add_csv_rows(
    struct out_table *t, const struct report *r, const struct rowset *rows)
{
	const struct figure *f = rows->figure;
	struct buf b = BUF_INIT;
	char as_of[CLOCK_TEXT];
	size_t i, j;

	clock_format(r->model->as_of, as_of);
	for (i = 0; i < rows->n; i++) {
		const struct cell *cells = rowset_get(rows, i);

		out_table_cell(t, r->model->tenant);
		for (j = 0; j < f->columns_n; j++)
			out_table_cell(
			    t, plain_text(&b, &f->columns[j], &cells[j]));
		out_table_cell(t, as_of);
	}
	buf_release(&b);
}

void
report_csv(
    const struct report *r, size_t n, const struct figure *f, struct buf *to)
{
	struct out_column *columns = xcalloc(f->columns_n + 2, sizeof *columns);
	struct out_table t;
	size_t i, j;

	columns[0].title = "tenant";
	for (i = 0; i < f->columns_n; i++) {
		columns[i + 1].title = f->columns[i].name;
		columns[i + 1].right = f->columns[i].kind == COLUMN_COUNT ||
				       f->columns[i].kind == COLUMN_SECONDS;
	}
	columns[f->columns_n + 1].title = "as_of";
	out_table_init(&t, columns, f->columns_n + 2);
	for (i = 0; i < n; i++)
		for (j = 0; j < r[i].tables_n; j++)
			if (r[i].tables[j].figure == f)
				add_csv_rows(&t, &r[i], &r[i].tables[j]);
	out_table_show(&t, OUT_CSV, to);
	out_table_release(&t);
	free(columns);
}
