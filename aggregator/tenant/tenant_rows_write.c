/*
 * tenant_rows_write: makes the rows of one table and writes each as a line.
 */
#include "aggregator/tenant/tenant_rows.h"

#include "aggregator/rows/rowline.h"

void
tenant_rows_emit(const struct tenant_rows *r, struct rowset *to)
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

/* Its rows are those of one of several aggregators. */
static bool
is_in_parts(const struct tenant_rows *r, const struct metric *f)
{
	return f->table->parts != NULL && r->pipeline->part.of > 0;
}

bool
tenant_rows_is_state(const struct tenant_rows *r, const struct metric *f)
{
	return f->table->life == LIFE_NOW && !is_in_parts(r, f);
}

/* A table on its way out. */
struct row_writer {
	const struct tenant_rows *report;
	const struct metric *metric;
	struct rowline line;
	tenant_rows_line_fn *to;
	void *ctx;
	int64_t written;
	bool failed;
	struct buf buf;
};

static void
write_row(void *ctx, const struct cell *cells)
{
	struct row_writer *w = ctx;

	if (w->failed)
		return;
	buf_clear(&w->buf);
	rowline_add(&w->line, cells, &w->buf);
	w->failed = w->to(w->ctx, w->buf.data, w->buf.len) == -1;
	w->written++;
}

/* What the row adds up over time begins then, if nothing is known of before. By
 * the tenant's row the sink knows how far the tables go. */
static int64_t
counts_since(const struct tenant_rows *r, const struct table *t)
{
	bool counts = t->life != LIFE_NOW && t != &tables[TABLE_intervals];

	return r->model->incremental &&
		       (counts || t == &tables[TABLE_tenant_metrics])
		   ? r->model->since
		   : CLOCK_NONE;
}

int
tenant_rows_write(const struct tenant_rows *r, const struct metric *f,
    tenant_rows_line_fn *line, void *ctx, int64_t *written)
{
	struct row_writer w = {
		.report = r, .metric = f, .to = line, .ctx = ctx
	};
	const struct shard *part =
	    is_in_parts(r, f) ? &r->pipeline->part : NULL;
	struct rowset rows = {
		.metric = f, .part = part != NULL, .each = write_row, .ctx = &w
	};

	rowline_init(&w.line, part != NULL ? f->table->parts : f->table, part,
	    r->model->tenant, tenant_rows_is_state(r, f) ? r->snapshot : NULL,
	    r->model->now, counts_since(r, f->table), r->version);
	tenant_rows_emit(r, &rows);
	rowset_release(&rows);
	rowline_release(&w.line);
	buf_release(&w.buf);
	*written += w.written;
	return w.failed ? -1 : 0;
}
