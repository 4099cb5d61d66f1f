/*
 * batch_group: see batch_group.h.
 */
#include "sink/rows/batch_group.h"

#include <stdbool.h>
#include <string.h>

void
batch_group_clear(struct batch_group *g)
{
	size_t i;

	for (i = 0; i < BATCH_GROUP_PARTS; i++)
		batch_clear(&g->part[i]);
	arena_clear(&g->blocks);
	memset(&g->mark, 0, sizeof g->mark);
	g->parts = 0;
	g->lines = g->rows = g->bytes = 0;
	g->stored = false;
	g->outcome = OUTCOME_DONE;
	g->retries = 0;
}

void
batch_group_release(struct batch_group *g)
{
	size_t i;

	for (i = 0; i < BATCH_GROUP_PARTS; i++)
		batch_release(&g->part[i]);
	arena_release(&g->blocks);
}

void
batch_group_sort(struct batch_group *g)
{
	batch_sort(&g->part[0]);
}

bool
batch_group_only_messages(const struct batch_group *g)
{
	const struct row_batch *b = &g->part[0];
	const struct strmap_entry *e;
	const struct batch_tenant *t;
	size_t i;

	if (b->exclusive || b->refusals_n > 0)
		return false;
	for (i = 0; i < TABLES; i++)
		if (i != TABLE_messages && b->rows[i].n > 0)
			return false;
	i = 0;
	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		if (t->end.snapshot.p != NULL)
			return false;
	}
	return true;
}

/* Whose rows are added up (batch_rollup.h), one transaction after the other:
 * those of a table stay together, or the parts would wait for each other. */
static bool
stays_whole(size_t table)
{
	switch (table) {
	case TABLE_response_hours:
	case TABLE_response_hours_parts:
	case TABLE_response_histogram:
	case TABLE_response_histogram_parts:
		return true;
	default:
		return false;
	}
}

void
batch_group_divide(struct batch_group *g, size_t n, size_t whole)
{
	struct row_batch *first = &g->part[0];
	struct row_list *rows;
	size_t i, k, part;

	g->parts = 1;
	if (first->exclusive || g->rows <= whole || n <= 1)
		return;
	g->parts = n;
	for (k = 0; k < TABLES; k++) {
		rows = &first->rows[k];
		if (stays_whole(k))
			continue;
		for (part = 1; part < n; part++)
			for (i = rows->n * part / n;
			     i < rows->n * (part + 1) / n; i++)
				batch_add(&g->part[part], rows->row[i]);
		rows->n /= n;
	}
}
