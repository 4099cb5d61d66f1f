/*
 * tenant_metrics: one row for the tenant, over all ongoing chats, including
 * unassigned chats, which no other row covers.
 */
#include "aggregator/metrics/metrics.h"

static void
emit_tenant_part(const struct model *m, struct rowset *to)
{
	const struct tenant_totals *t = &m->totals;
	bool waits = t->longest_wait != TALLY_NONE;
	struct cell *c = rowset_add(to);

	c = cell_count(c, t->operators);
	c = cell_count(c, t->open_chats);
	c = cell_count(c, t->unassigned_chats);
	c = cell_count(c, t->waits.n);
	c = cell_number(c, waits ? m->now - t->longest_wait : CLOCK_NONE);
	c = cell_count(c, t->responses.n);
	c = cell_number(c, (int64_t)t->responses.sum);
	cell_count(c, t->skewed);
}

static void
emit_tenant(const struct model *m, struct rowset *to)
{
	const struct tenant_totals *t = &m->totals;
	struct cell *c = rowset_add(to);

	c = cell_count(c, t->operators);
	c = cell_count(c, t->open_chats);
	c = cell_count(c, t->unassigned_chats);
	c = cell_count(c, t->waits.n);
	c = cell_number(c, t->longest_wait);
	c = cell_count(c, t->responses.n);
	c = cell_number(c, tally_mean(&t->responses));
	cell_count(c, t->skewed);
}

static void
tenant_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	if (which == ROWS_ALL || m->changes.totals)
		(to->part ? emit_tenant_part : emit_tenant)(m, to);
}

const struct metric metric_tenant_metrics = {
	.table = &tables[TABLE_tenant_metrics],
	.by_default = true,
	.emit = tenant_emit,
};
