/*
 * model_intervals: the intervals of a chat that were reported by on_interval():
 * compares them with those of the last walk, reports the new ones and
 * withdraws the old ones.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

static bool
is_reported_interval(
    const struct reported_interval *t, const struct interval *i)
{
	return t->start == i->start && t->end == i->end &&
	       t->kind == (uint8_t)i->kind && t->by_record == i->by_record &&
	       t->operator_id == i->operator_id && t->channel == i->channel &&
	       message_id_same(t->message, i->message);
}

static void
withdraw_interval(
    struct model *m, const struct chat *c, const struct reported_interval *t)
{
	struct interval i = { .kind = (enum interval_kind)t->kind,
		.channel = t->channel,
		.start = t->start,
		.end = t->end,
		.skewed = t->skewed,
		.by_record = t->by_record,
		.operator_id = t->operator_id,
		.message = t->message };

	i.ms = m->definition->length(t->start, t->end);
	if (i.ms < 0)
		i.ms = 0;
	m->on_interval(m->ctx, m, c, &i, true);
}

void
chat_intervals_save(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	struct reported_interval *to = n > 0 ? xcalloc(n, sizeof *to) : NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		to[i].start = v[i].start;
		to[i].end = v[i].end;
		to[i].message = v[i].message;
		to[i].operator_id = v[i].operator_id;
		to[i].channel = v[i].channel;
		to[i].kind = (uint8_t)v[i].kind;
		to[i].skewed = v[i].skewed;
		to[i].by_record = v[i].by_record;
		interner_hold(&m->lexicon.names, v[i].operator_id);
	}
	for (i = 0; i < c->reported_n; i++)
		interner_drop(&m->lexicon.names, c->reported[i].operator_id);
	free(c->reported);
	c->reported = to;
	c->reported_n = (uint32_t)n;
}

void
chat_intervals_report(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	size_t from = 0, old_end = c->reported_n, end = n, i;

	if (m->on_interval == NULL)
		return;
	while (from < old_end && from < end &&
	       is_reported_interval(&c->reported[from], &v[from]))
		from++;
	while (old_end > from && end > from &&
	       is_reported_interval(&c->reported[old_end - 1], &v[end - 1])) {
		old_end--;
		end--;
	}
	for (i = from; i < old_end; i++)
		withdraw_interval(m, c, &c->reported[i]);
	for (i = from; i < end; i++)
		m->on_interval(m->ctx, m, c, &v[i], false);
	if (m->incremental && (from < old_end || from < end))
		chat_intervals_save(m, c, v, n);
}

void
chat_intervals_drop(struct model *m, struct chat *c, size_t n)
{
	size_t i;

	if (m->on_interval == NULL || n == 0)
		return;
	for (i = 0; i < n; i++)
		interner_drop(&m->lexicon.names, c->reported[i].operator_id);
	c->reported_n -= (uint32_t)n;
	memmove(
	    c->reported, c->reported + n, c->reported_n * sizeof *c->reported);
}
