/*
 * simulation_rows: the result of a simulation, as rows of the two allocation
 * tables, and its assignments as records.
 */
#include "aggregator/simulation/simulation_impl.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/containers/interner.h"

int
simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx)
{
	return buf_each_line(&w->assignments, line, ctx);
}

static int
by_id(const void *a, const void *b)
{
	const char *x = (*(struct simulation_operator *const *)a)->id;
	const char *y = (*(struct simulation_operator *const *)b)->id;

	return id_compare(x, strlen(x), y, strlen(y));
}

/* Returns the operators sorted by id, with NULL at the end; owned by the
 * caller. */
static struct simulation_operator **
sort_simulated(const struct simulation *w)
{
	struct simulation_operator **list =
	    xcalloc(w->operators.live + 1, sizeof *list);
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		list[n++] = e->value;
	sort_array(list, n, sizeof(struct simulation_operator *), by_id);
	return list;
}

static void
emit_simulated_operators(const struct simulation *w, struct rowset *to)
{
	struct simulation_operator **list = sort_simulated(w);
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		const struct simulation_operator *o = list[i];
		struct cell *c = rowset_add(to);

		c = cell_text(c, o->id);
		/* An assignee may be missing from the directory. */
		c = o->name != NULL ? cell_text(c, o->name)
				    : cell_id(c, (struct text){ NULL, 0 });
		c = cell_number(c, o->limit);
		c = cell_count(c, o->given);
		c = cell_count(c, o->theirs);
		c = cell_number(c, o->busiest);
		c = cell_number(c, o->busiest_at);
		c = cell_count(c, o->breaches);
		(void)cell_number(c, o->above_ms);
	}
	free(list);
}

/* Counts waiting chats, except those that are deferred. */
static size_t
count_waiting(const struct simulation *w)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->chats, &i)) != NULL) {
		const struct simulation_chat *c = e->value;

		n += c->due && c->waits_since != CLOCK_NONE;
	}
	return n;
}

static void
emit_simulated_totals(const struct simulation *w, struct rowset *to)
{
	struct order_stats *waits = (struct order_stats *)(uintptr_t)&w->waits;
	struct cell *c = rowset_add(to);

	c = cell_count(c, w->came);
	c = cell_count(c, w->served);
	c = cell_count(c, w->moved);
	c = cell_count(c, w->unserved);
	c = cell_count(c, count_waiting(w));
	c = cell_number(c, order_stats_mean(waits));
	c = cell_number(c, order_stats_median(waits));
	c = cell_number(c, order_stats_percentile(waits, 90));
	(void)cell_number(c, order_stats_max(waits));
}

/* These tables are for one-shot runs only; in a stream, allocation makes
 * reservations (stream_allocation.c). */
const struct metric metric_allocation_operators = {
	.table = &tables[TABLE_allocation_operators],
	.acts = true,
	.emit_simulation = emit_simulated_operators,
};

const struct metric metric_allocation_totals = {
	.table = &tables[TABLE_allocation_totals],
	.acts = true,
	.emit_simulation = emit_simulated_totals,
};
