/*
 * model_credit: the shares of operators and the tenant in each chat. When a
 * chat changes, only the difference between its old and new share is applied.
 */
#include "aggregator/model/model_impl.h"

void
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
