/*
 * batch_group: see batch_group.h.
 */
#include "sink/store/batch_group.h"

#include <string.h>

void
batch_group_clear(struct batch_group *l)
{
	size_t i;

	for (i = 0; i < BATCH_GROUP_PARTS; i++)
		batch_clear(&l->part[i]);
	arena_clear(&l->blocks);
	memset(&l->mark, 0, sizeof l->mark);
	l->parts = 0;
	l->lines = l->rows = l->bytes = 0;
}

void
batch_group_release(struct batch_group *l)
{
	size_t i;

	for (i = 0; i < BATCH_GROUP_PARTS; i++)
		batch_release(&l->part[i]);
	arena_release(&l->blocks);
}

void
batch_group_sort(struct batch_group *l)
{
	batch_sort(&l->part[0]);
}

void
batch_group_divide(struct batch_group *l, size_t n, size_t whole)
{
	struct batch *first = &l->part[0];
	struct rows *rows;
	size_t i, k, part;

	l->parts = 1;
	if (first->exclusive || l->rows <= whole || n <= 1)
		return;
	l->parts = n;
	for (k = 0; k < TABLES; k++) {
		rows = &first->rows[k];
		for (part = 1; part < n; part++)
			for (i = rows->n * part / n;
			     i < rows->n * (part + 1) / n; i++)
				batch_add(&l->part[part], rows->row[i]);
		rows->n /= n;
	}
}
