/*
 * coverage: from when to when everything of the tenant was read; see
 * aggregator/model/coverage.h. One row for each UTC day of each range.
 */
#include "aggregator/metrics/metric.h"

/* Writes the days of a range that contain `since` or a later time. */
static void
add_days(const struct coverage_range *r, struct rowset *to, int64_t since)
{
	int64_t begin = clock_floor(since, DAY_MS), end;
	struct cell *c;

	if (begin < r->begin)
		begin = r->begin;
	do {
		end = clock_floor(begin, DAY_MS) + DAY_MS;
		c = rowset_add(to);
		c = cell_text(c, coverage_kinds[r->kind]);
		c = cell_number(c, begin);
		c = cell_text(c, coverage_sources[r->source]);
		cell_number(c, end < r->end ? end : r->end);
		begin = end;
	} while (begin < r->end);
}

static void
coverage_emit(const struct model *m, struct rowset *to, enum metric_rows which)
{
	const struct coverage_range *r = m->coverage.list;
	const struct coverage_range *end = r + m->coverage.n;

	for (; r < end; r++) {
		if (which == ROWS_ALL)
			add_days(r, to, r->begin);
		else if (r->unwritten != COVERAGE_WRITTEN)
			add_days(r, to, r->unwritten);
	}
}

const struct metric metric_coverage = {
	.table = &tables[TABLE_coverage],
	.by_default = true,
	.needs_no_chats = true,
	.emit = coverage_emit,
};
