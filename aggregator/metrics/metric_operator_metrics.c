/*
 * operator_metrics: the figures of each operator over the ongoing chats. A row
 * is written for operators who are in the directory, are assigned an ongoing
 * chat, or are credited with a first response or reply in one; and once more
 * when none of this applies any longer.
 */
#include "aggregator/metrics/metric.h"

/* Only the name of an operator who has left the directory is kept. */
static int64_t
reported_open_chats(const struct operator_info *o)
{
	return o->listed ? o->reported_open_chats : RECORD_NO_NUMBER;
}

static void
emit_operator(const struct model *m, struct operator_info *o, struct rowset *to)
{
	struct cell *c = rowset_add(to);

	c = cell_id(c, model_name(m, o->id));
	c = cell_id(c, operator_name(m, o));
	c = cell_flag(c, o->listed && o->has_available, o->available);
	c = cell_count(c, o->open_chats);
	c = cell_number(c, reported_open_chats(o));
	c = cell_count(c, o->responses.n);
	c = cell_number(c, order_stats_mean(&o->responses));
	c = cell_number(c, order_stats_median(&o->responses));
	c = cell_number(c, order_stats_percentile(&o->responses, 90));
	c = cell_count(c, o->first_responses.n);
	c = cell_number(c, tally_mean(&o->first_responses));
	c = cell_count(c, o->waits.n);
	cell_number(c, operator_longest_wait(m, o));
	to->left = !operator_has_row(o);
}

static void
operator_rows_emit(
    const struct model *m, struct rowset *to, enum metric_rows which)
{
	struct operator_info *const *v = m->operators;
	size_t i, n = m->operators_n;

	if (which == ROWS_CHANGED) {
		v = m->changes.operators;
		n = m->changes.operators_n;
	}
	for (i = 0; i < n; i++)
		if (which == ROWS_CHANGED || operator_has_row(v[i]))
			emit_operator(m, v[i], to);
}

const struct metric metric_operator_metrics = {
	.table = &tables[TABLE_operator_metrics],
	.by_default = true,
	.in_overview = true,
	.emit = operator_rows_emit,
};
