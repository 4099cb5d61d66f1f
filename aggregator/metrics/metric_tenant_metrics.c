/*
 * tenant_metrics: one row for the tenant, over all ongoing chats, including
 * unassigned chats, which no other row covers.
 */
#include "aggregator/metrics/metric.h"

#include "common/hours/terms.h"

static void
tenant_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	const struct tenant_totals *t = &m->totals;
	const char *version = terms_version_text(m->terms);
	struct cell *c;

	if (which != ROWS_ALL && !m->changes.totals)
		return;
	c = rowset_add(to);
	c = cell_count(c, t->operators);
	c = cell_count(c, t->open_chats);
	c = cell_count(c, t->unassigned_chats);
	c = cell_count(c, t->waits.n);
	c = cell_number(c, t->longest_wait);
	c = cell_count(c, t->responses.n);
	c = cell_number(c, tally_mean(&t->responses));
	c = cell_count(c, t->skewed);
	if (version != NULL)
		cell_text(c, version);
}

const struct metric metric_tenant_metrics = {
	.table = &tables[TABLE_tenant_metrics],
	.by_default = true,
	.in_overview = true,
	.emit = tenant_emit,
};
