/*
 * model_intervals: the intervals of a chat, as the last walk found them, and
 * the shares of operators and the tenant in each chat. The next walk usually
 * finds few changes: on_interval() reports added and removed intervals, and the
 * responses of the current episode are added to or removed from operators and
 * totals. The names in them are held. Until an unpacked chat's messages are
 * loaded, only the lengths of its credited intervals are known.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* A response is added, or removed. */
static void
credit_response(struct model *m, const struct interval *i, bool more)
{
	void (*tally)(struct tally *, int64_t) =
	    more ? tally_add : tally_remove;
	struct tenant_totals *t = &m->totals;
	struct operator_info *o;

	tally(&t->responses, i->ms);
	if (i->skewed)
		t->skewed += more ? 1 : SIZE_MAX;
	m->changes.totals = true;
	if (i->operator_id == 0)
		return;
	o = model_operators_get(m, i->operator_id);
	if (more)
		order_stats_insert(&o->responses, i->ms);
	else
		order_stats_remove(&o->responses, i->ms);
	if (i->kind == INTERVAL_FIRST_RESPONSE)
		tally(&o->first_responses, i->ms);
	model_operators_touch(m, o);
}

/* The range in which two lists differ: from .. old_end - 1, and from .. end -
 * 1. */
struct difference {
	size_t from, old_end, end;
};

static bool
is_same_interval(
    const struct interval *a, const struct interval *b, bool credits)
{
	return a->start == b->start && a->end == b->end && a->kind == b->kind &&
	       a->by_record == b->by_record &&
	       a->operator_id == b->operator_id && a->channel == b->channel &&
	       message_id_same(a->message, b->message) &&
	       (!credits || a->credited == b->credited);
}

/* credits: intervals that are credited in only one list also differ. */
static struct difference
find_difference(
    const struct chat *c, const struct interval *v, size_t n, bool credits)
{
	const struct interval *old = c->intervals;
	struct difference d = { 0, c->intervals_n, n };

	while (d.from < d.old_end && d.from < d.end &&
	       is_same_interval(&old[d.from], &v[d.from], credits))
		d.from++;
	while (d.old_end > d.from && d.end > d.from &&
	       is_same_interval(&old[d.old_end - 1], &v[d.end - 1], credits)) {
		d.old_end--;
		d.end--;
	}
	return d;
}

static void
report_difference(
    struct model *m, const struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, false);
	size_t i;

	for (i = d.from; i < d.old_end; i++)
		m->on_interval(m->ctx, m, c, &c->intervals[i], true);
	for (i = d.from; i < d.end; i++)
		m->on_interval(m->ctx, m, c, &v[i], false);
}

void
chat_intervals_update(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, true);
	size_t i;

	if (m->on_interval != NULL)
		report_difference(m, c, v, n);
	for (i = d.from; i < d.old_end; i++)
		if (c->intervals[i].credited)
			credit_response(m, &c->intervals[i], false);
	for (i = d.from; i < d.end; i++)
		if (v[i].credited)
			credit_response(m, &v[i], true);
	if (m->incremental && (d.from < d.old_end || d.from < d.end))
		chat_intervals_save(m, c, v, n);
}

void
chat_intervals_save(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		interner_hold(&m->lexicon.names, v[i].operator_id);
	for (i = 0; i < c->intervals_n; i++)
		interner_drop(&m->lexicon.names, c->intervals[i].operator_id);
	free(c->intervals);
	c->intervals = n > 0 ? xcalloc(n, sizeof *v) : NULL;
	if (n > 0)
		memcpy(c->intervals, v, n * sizeof *v);
	c->intervals_n = (uint32_t)n;
}

void
chat_intervals_drop(struct model *m, struct chat *c, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		interner_drop(&m->lexicon.names, c->intervals[i].operator_id);
	c->intervals_n -= (uint32_t)n;
	memmove(c->intervals, c->intervals + n,
	    c->intervals_n * sizeof *c->intervals);
}

void
chat_intervals_uncredit(struct model *m, struct chat *c)
{
	struct interval *x;

	for (x = c->intervals; x < c->intervals + c->intervals_n; x++) {
		if (x->credited)
			credit_response(m, x, false);
		x->credited = false;
	}
}

/* Adds an open chat to its assignee and the tenant, or removes it. */
static void
count_open_chat(struct model *m, uint32_t assignee, int64_t wait, bool more)
{
	struct tenant_totals *t = &m->totals;
	size_t one = more ? 1 : SIZE_MAX;
	struct operator_info *o;

	t->open_chats += one;
	if (wait != CLOCK_NONE) {
		if (more)
			order_stats_insert(&t->waits, wait);
		else
			order_stats_remove(&t->waits, wait);
	}
	if (assignee == 0) {
		t->unassigned_chats += one;
		return;
	}
	o = model_operators_get(m, assignee);
	o->open_chats += one;
	model_operators_touch(m, o);
	if (wait == CLOCK_NONE)
		return;
	if (more)
		order_stats_insert(&o->waits, wait);
	else
		order_stats_remove(&o->waits, wait);
}

void
credit_open(struct model *m, struct chat *c)
{
	bool open = chat_is_open(c);

	if (c->counted == open &&
	    (!open || (c->counted_assignee == c->now.assignee &&
			  c->counted_wait == c->waiting_since)))
		return;
	if (c->counted)
		count_open_chat(m, c->counted_assignee, c->counted_wait, false);
	if (open)
		count_open_chat(m, c->now.assignee, c->waiting_since, true);
	c->counted = open;
	c->counted_assignee = c->now.assignee;
	c->counted_wait = c->waiting_since;
	m->changes.totals = true;
}

void
credit_unpacked(struct model *m, struct chat *c)
{
	uint32_t i;

	for (i = 0; i < c->intervals_n; i++)
		credit_response(m, &c->intervals[i], true);
	c->counted = false;
	credit_open(m, c);
}

int64_t
operator_longest_wait(const struct model *m, struct operator_info *o)
{
	int64_t since = order_stats_min(&o->waits);

	if (since == TALLY_NONE)
		return TALLY_NONE;
	return m->now > since ? m->now - since : 0;
}

void
credit_waits(struct model *m)
{
	struct tenant_totals *t = &m->totals;
	int64_t since = order_stats_min(&t->waits);

	t->longest_wait = TALLY_NONE;
	if (since != TALLY_NONE)
		t->longest_wait = m->now > since ? m->now - since : 0;
}

void
model_mark_waits(struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->waits.n > 0)
			model_operators_touch(m, m->operators[i]);
	m->changes.totals = true;
}
