/*
 * operator_metrics: the figures of each operator over the ongoing chats. A row
 * is written for operators who are in the directory, are assigned an ongoing
 * chat, or are credited with a first response or reply in one; and once more
 * when none of this applies any longer.
 */
#include "aggregator/metrics/metric.h"

#include "common/containers/duration_bucket.h"
#include "common/json/jsonw.h"

/* Only the name of an operator who has left the directory is kept. */
static int64_t
reported_open_chats(const struct operator_info *o)
{
	return o->listed ? o->reported_open_chats : RECORD_NO_NUMBER;
}

/* Begins a row of either table: the cells up to the number of responses. */
static struct cell *
begin_operator(
    const struct model *m, const struct operator_info *o, struct rowset *to)
{
	struct cell *c = rowset_add(to);

	c = cell_id(c, model_name(m, o->id));
	c = cell_id(c, operator_name(m, o));
	c = cell_flag(c, o->listed && o->has_available, o->available);
	c = cell_count(c, o->open_chats);
	c = cell_number(c, reported_open_chats(o));
	return cell_count(c, o->responses.n);
}

static void
emit_operator(const struct model *m, struct operator_info *o, struct rowset *to)
{
	struct cell *c = begin_operator(m, o, to);

	c = cell_number(c, order_stats_mean(&o->responses));
	c = cell_number(c, order_stats_median(&o->responses));
	c = cell_number(c, order_stats_percentile(&o->responses, 90));
	c = cell_count(c, o->first_responses.n);
	c = cell_number(c, tally_mean(&o->first_responses));
	c = cell_count(c, o->waits.n);
	cell_number(c, operator_longest_wait(m, o));
}

/* [[bucket,count],...], with the buckets of duration_bucket.h. */
static struct text
response_buckets(struct order_stats *r, struct buf *to)
{
	size_t below = 0, n;
	uint32_t bucket;

	buf_clear(to);
	jsonw_list(to);
	while (below < r->n) {
		bucket = duration_bucket(order_stats_at(r, below + 1));
		n = order_stats_up_to(r, duration_bucket_high(bucket));
		jsonw_next(to);
		jsonw_list(to);
		buf_addi(to, bucket);
		jsonw_next(to);
		buf_addi(to, (int64_t)(n - below));
		jsonw_list_end(to);
		below = n;
	}
	jsonw_list_end(to);
	return (struct text){ buf_str(to), to->len };
}

static void
emit_operator_part(
    const struct model *m, struct operator_info *o, struct rowset *to)
{
	struct cell *c = begin_operator(m, o, to);

	c = cell_number(c, (int64_t)o->responses.sum);
	c = cell_number(c, order_stats_max(&o->responses));
	c = cell_id(c, response_buckets(&o->responses, &to->text));
	c = cell_count(c, o->first_responses.n);
	c = cell_number(c, (int64_t)o->first_responses.sum);
	c = cell_count(c, o->waits.n);
	cell_number(c, order_stats_min(&o->waits));
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
			(to->part ? emit_operator_part : emit_operator)(
			    m, v[i], to);
}

const struct metric metric_operator_metrics = {
	.table = &tables[TABLE_operator_metrics],
	.by_default = true,
	.in_overview = true,
	.emit = operator_rows_emit,
};
