/*
 * coverage: from when to when everything of the tenant was read; see
 * aggregator/model/coverage.h. One row for each range.
 */
#include "aggregator/metrics/metric.h"

static void
coverage_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	const struct coverage_range *r = m->coverage.list;
	const struct coverage_range *end = r + m->coverage.n;
	struct cell *c;

	for (; r < end; r++) {
		if (which != ROWS_ALL && !r->changed)
			continue;
		c = rowset_add(to);
		c = cell_text(c, coverage_kinds[r->kind]);
		c = cell_number(c, r->begin);
		c = cell_text(c, coverage_sources[r->source]);
		cell_number(c, r->end);
	}
}

const struct metric metric_coverage = {
	.table = &tables[TABLE_coverage],
	.by_default = true,
	.needs_no_chats = true,
	.emit = coverage_emit,
};
