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
	b->exclusive = false;
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

static const char *
moved(const char *p, const struct sink_row *row, const char *line)
{
	return p >= row->line && p <= row->line + row->len
		   ? line + (p - row->line)
		   : p;
}

/* Copies the line, and points the texts in it to the copy. */
static void
keep_line(struct row_batch *b, struct sink_row *row)
{
	const char *line = arena_copy(&b->arena, row->line, row->len);
	size_t k;

	row->snapshot.p = moved(row->snapshot.p, row, line);
	for (k = 0; k < row->table->columns_n; k++)
		if (row->values[k].type == DB_TEXT)
			row->values[k].text =
			    moved(row->values[k].text, row, line);
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

	keep_line(b, row);
	row->tenant = t;
	t->has_rows = true;
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

/* A row and the head of its sort key. Only rows with equal heads need a
 * comparison of keys: rows are scattered in memory, heads are adjacent. */
struct sort_entry {
	uint64_t head;
	struct sink_row *row;
};

enum {
	/* A head is the tenant's rank, followed by the start of the column that
	 * orders its rows. */
	RANK_BITS = 16,
	REST_BITS = 64 - RANK_BITS,
};

static int
by_tenant_name(const void *a, const void *b)
{
	const struct batch_tenant *const *x = a, *const *y = b;

	return text_compare((*x)->name, (*y)->name);
}

/* Ranks the tenants in the order of row_compare(). */
static void
rank_tenants(struct row_batch *b)
{
	struct batch_tenant **t =
	    xcalloc(b->tenants.live, sizeof(struct batch_tenant *));
	struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL)
		t[n++] = e->value;
	qsort(t, n, sizeof(struct batch_tenant *), by_tenant_name);
	for (i = 0; i < n; i++)
		t[i]->rank = i;
	free(t);
}

/* Returns the first bytes of a text, the first one highest; or the number,
 * shifted so that it is not negative, and limited to REST_BITS. */
static uint64_t
head_of_value(const struct db_value *v)
{
	const int64_t most = (INT64_C(1) << REST_BITS) - 1;
	uint64_t head = 0;
	int64_t n;
	size_t i;

	if (v->type == DB_TEXT) {
		for (i = 0; i < REST_BITS / 8; i++)
			head = head << 8 |
			       (i < v->len ? (unsigned char)v->text[i] : 0);
		return head;
	}
	if (__builtin_add_overflow(v->num, most / 2, &n))
		return (uint64_t)most;
	return n < 0 ? 0 : n > most ? (uint64_t)most : (uint64_t)n;
}

/* Tenants beyond the greatest rank share it, without a rest, so keys decide. */
static uint64_t
head_of(const struct sink_row *row)
{
	const size_t last = (1 << RANK_BITS) - 1;
	uint64_t rank = row->tenant->rank;
	size_t k = row_order_column(row->table);

	if (rank >= last || row->table->keys == 1)
		return (rank < last ? rank : last) << REST_BITS;
	return rank << REST_BITS | head_of_value(&row->values[k]);
}

static int
by_row_key(const void *a, const void *b)
{
	const struct sort_entry *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return row_compare(x->row, y->row);
}

/* Returns true if the rows are sorted already, without duplicate keys. */
static bool
fill_sort_entries(const struct row_list *r, struct sort_entry *place)
{
	bool sorted = true;
	size_t i;

	for (i = 0; i < r->n; i++) {
		place[i].row = r->row[i];
		place[i].head = head_of(r->row[i]);
		if (i == 0 || !sorted || place[i - 1].head < place[i].head)
			continue;
		sorted = place[i - 1].head == place[i].head &&
			 row_compare_key(r->row[i - 1], r->row[i]) < 0;
	}
	return sorted;
}

static void
sort_rows(struct row_list *r, struct sort_entry *place)
{
	size_t i, n = 0;

	if (fill_sort_entries(r, place))
		return;
	qsort(place, r->n, sizeof *place, by_row_key);
	for (i = 0; i < r->n; i++)
		if (n == 0 || place[i - 1].head != place[i].head ||
		    row_compare_key(r->row[n - 1], place[i].row) != 0)
			r->row[n++] = place[i].row;
	r->n = n;
}

void
batch_sort(struct row_batch *b)
{
	struct sort_entry *place;
	size_t k, most = 0;

	for (k = 0; k < TABLES; k++)
		if (b->rows[k].n > most)
			most = b->rows[k].n;
	if (most == 0)
		return;
	rank_tenants(b);
	place = xcalloc(most, sizeof *place);
	for (k = 0; k < TABLES; k++)
		sort_rows(&b->rows[k], place);
	free(place);
}
