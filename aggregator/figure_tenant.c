/*
 * tenant_metrics: one row for the tenant: all ongoing chats together, the
 * unassigned ones, who belong to nobody else, among them.
 */
#include "aggregator/figure.h"

#include "common/xalloc.h"

static const struct column columns[] = {
	{ "operators", COLUMN_COUNT },
	{ "open_chats", COLUMN_COUNT },
	{ "unassigned_chats", COLUMN_COUNT },
	{ "waiting_chats", COLUMN_COUNT },
	{ "longest_wait_seconds", COLUMN_SECONDS },
	{ "responses", COLUMN_COUNT },
	{ "avg_response_seconds", COLUMN_SECONDS },
	{ "skewed", COLUMN_COUNT },
};

/* In parts: what adds up. */
static const struct column part_columns[] = {
	{ "operators", COLUMN_COUNT },
	{ "open_chats", COLUMN_COUNT },
	{ "unassigned_chats", COLUMN_COUNT },
	{ "waiting_chats", COLUMN_COUNT },
	{ "waiting_since", COLUMN_TIME },
	{ "responses", COLUMN_COUNT },
	{ "response_sum_ms", COLUMN_COUNT },
	{ "skewed", COLUMN_COUNT },
};

static void
emit_part(const struct model *m, struct rowset *to, enum figure_rows which)
{
	const struct tenant_totals *t = &m->totals;
	bool waits = t->longest_wait != STATS_NONE;
	struct cell *c;

	if (which == ROWS_CHANGED && !m->changes.totals)
		return;
	c = rowset_add(to);
	c = cell_count(c, t->operators);
	c = cell_count(c, t->open_chats);
	c = cell_count(c, t->unassigned_chats);
	c = cell_count(c, t->waits.n);
	c = cell_time(c, waits ? m->as_of - t->longest_wait : CLOCK_NONE);
	c = cell_count(c, t->responses.n);
	c = cell_number(c, (int64_t)t->responses.sum);
	cell_count(c, t->skewed);
}

static const struct figure tenant_parts = {
	.table = "tenant_metrics",
	.columns = part_columns,
	.columns_n = ARRAY_LEN(part_columns),
	.emit = emit_part,
};

static void
emit(const struct model *m, struct rowset *to, enum figure_rows which)
{
	const struct tenant_totals *t = &m->totals;
	struct cell *c;

	if (which == ROWS_CHANGED && !m->changes.totals)
		return;
	c = rowset_add(to);
	c = cell_count(c, t->operators);
	c = cell_count(c, t->open_chats);
	c = cell_count(c, t->unassigned_chats);
	c = cell_count(c, t->waits.n);
	c = cell_ms(c, t->longest_wait);
	c = cell_count(c, t->responses.n);
	c = cell_ms(c, tally_mean(&t->responses));
	cell_count(c, t->skewed);
}

extern const struct figure figure_tenant;
const struct figure figure_tenant = {
	.name = "tenant",
	.table = "tenant_metrics",
	.help = "the tenant over all its ongoing chats",
	.by_default = true,
	.spans = true,
	.part = &tenant_parts,
	.state = true,
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.emit = emit,
};
