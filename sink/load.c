/*
 * load: see load.h.
 */
#include "sink/load.h"

#include <string.h>

#include "common/xalloc.h"

void
load_clear(struct load *l)
{
	size_t i;

	for (i = 0; i < LOAD_PARTS; i++)
		batch_clear(&l->part[i]);
	arena_clear(&l->blocks);
	memset(&l->mark, 0, sizeof l->mark);
	l->parts = 0;
	l->lines = l->rows = l->bytes = 0;
}

void
load_release(struct load *l)
{
	size_t i;

	for (i = 0; i < LOAD_PARTS; i++)
		batch_release(&l->part[i]);
	arena_release(&l->blocks);
}

/* Which of n parts a row belongs to. */
static size_t
part_of(const struct row *row, size_t n)
{
	const struct db_value *v;
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	if (row->table->part < 0)
		return 0;
	v = &row->values[row->table->part];
	for (i = 0; i < v->len; i++)
		h = (h ^ (unsigned char)v->text[i]) * UINT64_C(1099511628211);
	return (size_t)((h >> 32) % n);
}

void
load_divide(struct load *l, size_t n, size_t whole)
{
	struct batch *first = &l->part[0];
	struct rows *rows;
	size_t i, k, kept, part;

	l->parts = 1;
	if (first->exclusive || l->rows <= whole || n == 1)
		return;
	l->parts = n;
	for (k = 0; k < TABLES; k++) {
		rows = &first->rows[k];
		for (i = kept = 0; i < rows->n; i++) {
			part = part_of(rows->row[i], n);
			if (part > 0)
				batch_add(&l->part[part], rows->row[i]);
			else
				rows->row[kept++] = rows->row[i];
		}
		rows->n = kept;
	}
}
