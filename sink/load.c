/*
 * load: see load.h.
 */
#include "sink/load.h"

#include <string.h>

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

void
load_sort(struct load *l)
{
	batch_sort(&l->part[0]);
}

void
load_divide(struct load *l, size_t n, size_t whole)
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
