/*
 * operator_metrics: what each operator does over the ongoing chats. A row has
 * who is listed, holds an ongoing chat, or is credited with a first response
 * or a reply in one.
 */
#include "aggregator/figure.h"

#include "common/xalloc.h"

static const struct column columns[] = {
	{ "operator", COLUMN_TEXT },
	{ "name", COLUMN_TEXT },
	{ "available", COLUMN_FLAG },
	{ "open_chats", COLUMN_COUNT },
	{ "reported_open_chats", COLUMN_COUNT },
	{ "responses", COLUMN_COUNT },
	{ "avg_response_seconds", COLUMN_SECONDS },
	{ "median_response_seconds", COLUMN_SECONDS },
	{ "p90_response_seconds", COLUMN_SECONDS },
	{ "first_responses", COLUMN_COUNT },
	{ "avg_first_response_seconds", COLUMN_SECONDS },
	{ "waiting_chats", COLUMN_COUNT },
	{ "longest_wait_seconds", COLUMN_SECONDS },
};

static void
emit_one(struct operator_info *o, struct rowset *to)
{
	struct cell *c = rowset_add(to);

	c = cell_name(c, o->id);
	c = cell_name(c, o->name);
	c = cell_flag(c, o->listed && o->has_available, o->available);
	c = cell_count(c, o->open_chats);
	c = cell_number(c, o->reported_open_chats);
	c = cell_count(c, o->responses.n);
	c = cell_ms(c, sample_mean(&o->responses));
	c = cell_ms(c, sample_median(&o->responses));
	c = cell_ms(c, sample_percentile(&o->responses, 90));
	c = cell_count(c, o->first_responses.n);
	c = cell_ms(c, sample_mean(&o->first_responses));
	c = cell_count(c, o->waiting_chats);
	cell_ms(c, o->longest_wait);
}

static void
emit(const struct model *m, struct rowset *to, enum figure_rows which)
{
	size_t i;

	(void)which;
	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->present)
			emit_one(m->operators[i], to);
}

extern const struct figure figure_operators;
const struct figure figure_operators = {
	.name = "operators",
	.table = "operator_metrics",
	.help = "each operator over the ongoing chats",
	.by_default = true,
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.emit = emit,
};
