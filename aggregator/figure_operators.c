/*
 * operator_metrics: what each operator does over the ongoing chats. A row has
 * who is listed, holds an ongoing chat, or is credited with a first response
 * or a reply in one.
 */
#include "aggregator/figure.h"

#include "common/xalloc.h"

#include "aggregator/histogram.h"

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

/* Who is gone from a stream is told of once more, and no longer by name. */
static struct text
name_of(const struct model *m, const struct operator_info *o)
{
	return model_name(m, operator_has_row(o) ? o->name : 0);
}

static void
emit_one(const struct model *m, struct operator_info *o, struct rowset *to)
{
	struct cell *c = rowset_add(to);

	c = cell_id(c, model_name(m, o->id));
	c = cell_id(c, name_of(m, o));
	c = cell_flag(c, o->listed && o->has_available, o->available);
	c = cell_count(c, o->open_chats);
	c = cell_number(c, o->reported_open_chats);
	c = cell_count(c, o->responses.n);
	c = cell_ms(c, ranks_mean(&o->responses));
	c = cell_ms(c, ranks_median(&o->responses));
	c = cell_ms(c, ranks_percentile(&o->responses, 90));
	c = cell_count(c, o->first_responses.n);
	c = cell_ms(c, tally_mean(&o->first_responses));
	c = cell_count(c, o->waits.n);
	cell_ms(c, operator_longest_wait(m, o));
}

/* In parts: what adds up. */
static const struct column part_columns[] = {
	{ "operator", COLUMN_TEXT },
	{ "name", COLUMN_TEXT },
	{ "available", COLUMN_FLAG },
	{ "open_chats", COLUMN_COUNT },
	{ "reported_open_chats", COLUMN_COUNT },
	{ "responses", COLUMN_COUNT },
	{ "response_sum_ms", COLUMN_COUNT },
	{ "response_max_ms", COLUMN_COUNT },
	{ "response_buckets", COLUMN_TEXT },
	{ "first_responses", COLUMN_COUNT },
	{ "first_response_sum_ms", COLUMN_COUNT },
	{ "waiting_chats", COLUMN_COUNT },
	{ "waiting_since", COLUMN_TIME },
};

/* [[bucket,count],...], as histogram.h has them. */
static struct text
buckets(struct ranks *r, struct buf *to)
{
	size_t below = 0, n;
	uint32_t bucket;

	buf_clear(to);
	while (below < r->n) {
		bucket = histogram_bucket(ranks_at(r, below + 1));
		n = ranks_up_to(r, histogram_high(bucket));
		buf_addf(to, "%c[%u,%zu]", below == 0 ? '[' : ',',
		    (unsigned)bucket, n - below);
		below = n;
	}
	buf_adds(to, below == 0 ? "[]" : "]");
	return (struct text){ buf_str(to), to->len };
}

static void
emit_part(const struct model *m, struct operator_info *o, struct rowset *to)
{
	struct cell *c = rowset_add(to);

	c = cell_id(c, model_name(m, o->id));
	c = cell_id(c, name_of(m, o));
	c = cell_flag(c, o->listed && o->has_available, o->available);
	c = cell_count(c, o->open_chats);
	c = cell_number(c, o->reported_open_chats);
	c = cell_count(c, o->responses.n);
	c = cell_number(c, (int64_t)o->responses.sum);
	c = cell_ms(c, ranks_max(&o->responses));
	c = cell_id(c, buckets(&o->responses, &to->text));
	c = cell_count(c, o->first_responses.n);
	c = cell_number(c, (int64_t)o->first_responses.sum);
	c = cell_count(c, o->waits.n);
	cell_time(c, ranks_min(&o->waits));
}

static void
emit(const struct model *m, struct rowset *to, enum figure_rows which)
{
	struct operator_info *const *v = m->operators;
	size_t i, n = m->operators_n;
	bool parts = to->figure->columns == part_columns;

	if (which == ROWS_CHANGED) {
		v = m->changes.operators;
		n = m->changes.operators_n;
	}
	for (i = 0; i < n; i++)
		if (which == ROWS_CHANGED || operator_has_row(v[i]))
			(parts ? emit_part : emit_one)(m, v[i], to);
}

static const struct figure operator_parts = {
	.table = "operator_metrics",
	.columns = part_columns,
	.columns_n = ARRAY_LEN(part_columns),
	.emit = emit,
};

extern const struct figure figure_operators;
const struct figure figure_operators = {
	.name = "operators",
	.table = "operator_metrics",
	.help = "each operator over the ongoing chats",
	.by_default = true,
	.spans = true,
	.part = &operator_parts,
	.state = true,
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.emit = emit,
};
