/*
 * tenant_rows_write: makes the rows of one table and writes each as a line.
 * Where all of them are written and they are many, they are made on every core,
 * a block of items at a time, and written in their order.
 */
#include "aggregator/tenant/tenant_rows.h"

#include "common/parallel/on_cores.h"

#include "aggregator/rows/rowline.h"

/* Items of a block, and those below which it would cost more. */
#define BLOCK 256
#define MANY_ITEMS ((size_t)4 * BLOCK)

void
tenant_rows_emit(const struct tenant_rows *r, struct rowset *to)
{
	const struct metric *f = to->metric;

	if (f->emit != NULL || f->items != NULL)
		metric_emit(r->model, to, r->which);
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
	/* Of each block that is made ahead. */
	struct buf ahead[ON_CORES_AHEAD];
};

/* Where a thread adds its rows. */
struct row_block {
	const struct rowline *line;
	struct buf *to;
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

static void
add_row_line(void *ctx, const struct cell *cells)
{
	struct row_block *b = ctx;

	rowline_add(b->line, cells, b->to);
	buf_addc(b->to, '\n');
}

static size_t
count_items(const struct row_writer *w)
{
	const struct tenant_rows *r = w->report;

	return w->metric->items != NULL ? w->metric->items(r->model, r->which)
					: 0;
}

static void
make_row_block(void *ctx, size_t thread, size_t block)
{
	struct row_writer *w = ctx;
	const struct tenant_rows *r = w->report;
	struct row_block b = { &w->line, &w->ahead[block % ON_CORES_AHEAD] };
	struct rowset rows = { .metric = w->metric,
		.part = is_in_parts(r, w->metric),
		.each = add_row_line,
		.ctx = &b };
	size_t first = block * BLOCK, end = first + BLOCK, n = count_items(w);

	(void)thread;
	buf_clear(b.to);
	w->metric->emit_items(
	    r->model, &rows, r->which, first, end < n ? end : n);
	rowset_end(&rows);
	rowset_release(&rows);
}

static int
write_made_row(void *ctx, const char *line, size_t len)
{
	struct row_writer *w = ctx;

	w->written++;
	return w->to(w->ctx, line, len);
}

static bool
write_row_block(void *ctx, size_t block)
{
	struct row_writer *w = ctx;

	return buf_each_line(
		   &w->ahead[block % ON_CORES_AHEAD], write_made_row, w) == 0;
}

static void
write_on_cores(struct row_writer *w)
{
	const struct on_cores work = { .ctx = w,
		.blocks = (count_items(w) + BLOCK - 1) / BLOCK,
		.make = make_row_block,
		.use = write_row_block };
	size_t i;

	w->failed = !on_cores_run(&work);
	for (i = 0; i < ON_CORES_AHEAD; i++)
		buf_release(&w->ahead[i]);
}

static void
write_one_by_one(struct row_writer *w)
{
	struct rowset rows = { .metric = w->metric,
		.part = is_in_parts(w->report, w->metric),
		.each = write_row,
		.ctx = w };

	tenant_rows_emit(w->report, &rows);
	rowset_release(&rows);
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

	rowline_init(&w.line, part != NULL ? f->table->parts : f->table, part,
	    r->model->tenant, tenant_rows_is_state(r, f) ? r->snapshot : NULL,
	    r->model->as_of, r->version);
	/* Who looks after a stream gives it one core. */
	if (r->which == ROWS_ALL && count_items(&w) >= MANY_ITEMS)
		write_on_cores(&w);
	else
		write_one_by_one(&w);
	rowline_release(&w.line);
	buf_release(&w.buf);
	*written += w.written;
	return w.failed ? -1 : 0;
}
