/*
 * batch: see batch.h. Rows go to the database in the order of their keys: two
 * transactions that take the same locks in the same order do not deadlock.
 */
#include "sink/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
batch_clear(struct batch *b)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		b->rows[i].n = 0;
	strmap_release(&b->tenants, NULL);
	b->tenants = (struct strmap)STRMAP_INIT;
	b->refusals_n = 0;
	b->exclusive = false;
	arena_clear(&b->arena);
}

void
batch_release(struct batch *b)
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
batch_is_empty(const struct batch *b)
{
	return b->tenants.live == 0;
}

static struct text
copy_text(struct batch *b, struct text t)
{
	if (t.p != NULL)
		t.p = arena_copy(&b->arena, t.p, t.len);
	return t;
}

struct tenant *
batch_tenant(struct batch *b, struct text name)
{
	void **slot = strmap_put(&b->tenants, name.p, name.len);
	struct tenant *t = *slot;

	if (t == NULL) {
		t = arena_take(&b->arena, sizeof *t);
		t->name = copy_text(b, name);
		*slot = t;
	}
	return t;
}

void
batch_add(struct batch *b, struct row *row)
{
	struct rows *r = &b->rows[row->table - tables];
	struct text name = { row->values[0].text, row->values[0].len };
	struct tenant *t = batch_tenant(b, name);

	row->tenant = t;
	t->has_rows = true;
	XGROW(r->row, r->n, r->cap);
	r->row[r->n++] = row;
}

void
batch_end(struct batch *b, struct text tenant, const struct end *end)
{
	struct tenant *t = batch_tenant(b, tenant);

	if (t->end.snapshot.p != NULL && t->end.as_of >= end->as_of)
		return;
	t->end = *end;
	t->end.snapshot = copy_text(b, end->snapshot);
	b->exclusive = true;
}

void
batch_refuse(struct batch *b, const struct refusal *r, struct text tenant)
{
	struct refusal *kept;
	struct text reason = { r->reason, strlen(r->reason) };

	XGROW(b->refusals, b->refusals_n, b->refusals_cap);
	kept = &b->refusals[b->refusals_n++];
	*kept = *r;
	kept->tenant = batch_tenant(b, tenant);
	kept->snapshot = copy_text(b, r->snapshot);
	kept->table = copy_text(b, r->table);
	kept->key = copy_text(b, r->key);
	kept->chat = copy_text(b, r->chat);
	kept->reason = copy_text(b, reason).p;
}

static int
by_key(const void *a, const void *b)
{
	return row_compare(*(struct row *const *)a, *(struct row *const *)b);
}

void
batch_sort(struct batch *b)
{
	struct rows *r;
	size_t i, k, n;
	bool sorted;

	for (k = 0; k < TABLES; k++) {
		r = &b->rows[k];
		sorted = true;
		for (i = 1; i < r->n && sorted; i++)
			sorted = row_compare_key(r->row[i - 1], r->row[i]) < 0;
		if (sorted)
			continue;
		qsort(r->row, r->n, sizeof *r->row, by_key);
		for (n = 1, i = 1; i < r->n; i++)
			if (row_compare_key(r->row[n - 1], r->row[i]) != 0)
				r->row[n++] = r->row[i];
		r->n = n;
	}
}
