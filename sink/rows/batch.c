/*
 * batch: see batch.h. Rows are sent to the database in the order of their keys:
 * transactions that take the same locks in the same order do not deadlock.
 */
#include "sink/rows/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

void
batch_clear(struct row_batch *b)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		b->rows[i].n = 0;
	strmap_release(&b->tenants, NULL);
	b->tenants = (struct strmap)STRMAP_INIT;
	b->refusals_n = 0;
	b->closed = b->exclusive = false;
	b->lines = b->bytes = 0;
	arena_clear(&b->arena);
}

void
batch_release(struct row_batch *b)
{
	size_t i;

	batch_clear(b);
	for (i = 0; i < TABLES; i++)
		free(b->rows[i].row);
	free(b->refusals);
	arena_release(&b->arena);
	memset(b, 0, sizeof *b);
}

bool
batch_is_empty(const struct row_batch *b)
{
	return b->tenants.live == 0;
}

static struct text
copy_into_batch(struct row_batch *b, struct text t)
{
	if (t.p != NULL)
		t.p = arena_copy(&b->arena, t.p, t.len);
	return t;
}

struct batch_tenant *
batch_tenant(struct row_batch *b, struct text name)
{
	void **slot = strmap_put(&b->tenants, name.p, name.len);
	struct batch_tenant *t = *slot;

	if (b->tenants.live == 1 && t == NULL)
		b->since_ms = clock_mono_ms();
	if (t == NULL) {
		t = arena_take(&b->arena, sizeof *t);
		t->name = copy_into_batch(b, name);
		*slot = t;
	}
	return t;
}

/* Returns where a text of the row stays: in the copy of its line, or, if the
 * reader has unescaped it, in a copy of its own. */
static const char *
kept_text(struct row_batch *b, const struct sink_row *row, const char *line,
    const char *p, size_t len)
{
	if (p >= row->line && p <= row->line + row->len)
		return line + (p - row->line);
	return len > 0 ? arena_copy(&b->arena, p, len) : p;
}

static void
keep_row(struct row_batch *b, struct sink_row *row)
{
	const char *line = arena_copy(&b->arena, row->line, row->len);
	struct db_value *v;

	row->snapshot.p =
	    kept_text(b, row, line, row->snapshot.p, row->snapshot.len);
	for (v = row->values; v < row->values + row->table->columns_n; v++)
		if (v->type == DB_TEXT)
			v->text = kept_text(b, row, line, v->text, v->len);
	row->line = line;
	b->lines++;
	b->bytes += row->len;
}

void
batch_add(struct row_batch *b, struct sink_row *row)
{
	struct row_list *r = &b->rows[row->table - tables];
	struct text name = { row->values[0].text, row->values[0].len };
	struct batch_tenant *t = batch_tenant(b, name);

	keep_row(b, row);
	row->tenant = t;
	XGROW(r->row, r->n, r->cap);
	r->row[r->n++] = row;
}

void
batch_end(struct row_batch *b, struct text tenant, const struct end_marker *end)
{
	struct batch_tenant *t = batch_tenant(b, tenant);

	if (t->end.snapshot.p != NULL && t->end.as_of >= end->as_of)
		return;
	t->end = *end;
	t->end.snapshot = copy_into_batch(b, end->snapshot);
	b->exclusive = true;
}

void
batch_refuse(struct row_batch *b, const struct refusal *r, struct text tenant)
{
	struct refusal *kept;

	XGROW(b->refusals, b->refusals_n, b->refusals_cap);
	kept = &b->refusals[b->refusals_n++];
	*kept = *r;
	b->lines++;
	kept->tenant = batch_tenant(b, tenant);
	kept->snapshot = copy_into_batch(b, r->snapshot);
}

static int
by_key(const void *a, const void *b)
{
	struct sink_row *const *x = a, *const *y = b;

	return row_compare(*x, *y);
}

static void
sort_rows(struct row_list *r)
{
	size_t i, n = 0;

	qsort(r->row, r->n, sizeof(struct sink_row *), by_key);
	for (i = 0; i < r->n; i++)
		if (n == 0 || row_compare_key(r->row[n - 1], r->row[i]) != 0)
			r->row[n++] = r->row[i];
	r->n = n;
}

void
batch_sort(struct row_batch *b)
{
	size_t k;

	for (k = 0; k < TABLES; k++)
		if (b->rows[k].n > 0)
			sort_rows(&b->rows[k]);
}
