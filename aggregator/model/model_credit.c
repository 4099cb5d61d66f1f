/*
 * model_credit: what operators and the tenant have of each chat. When a chat
 * changes, only the difference between its old and its new share is applied.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

static void
add_credits(struct model *m, const struct credit *v, size_t n)
{
	struct tenant_totals *t = &m->totals;
	struct operator_info *o;
	size_t i;

	for (i = 0; i < n; i++) {
		tally_add(&t->responses, v[i].ms);
		t->skewed += v[i].skewed;
		if (v[i].operator_id == 0)
			continue;
		o = model_operators_get(m, v[i].operator_id);
		order_stats_insert(&o->responses, v[i].ms);
		if (v[i].first)
			tally_add(&o->first_responses, v[i].ms);
		model_operators_touch(m, o);
	}
}

static void
remove_credits(struct model *m, const struct credit *v, size_t n)
{
	struct tenant_totals *t = &m->totals;
	struct operator_info *o;
	size_t i;

	for (i = 0; i < n; i++) {
		tally_remove(&t->responses, v[i].ms);
		t->skewed -= v[i].skewed;
		if (v[i].operator_id == 0)
			continue;
		o = model_operators_get(m, v[i].operator_id);
		order_stats_remove(&o->responses, v[i].ms);
		if (v[i].first)
			tally_remove(&o->first_responses, v[i].ms);
		model_operators_touch(m, o);
	}
}

static bool
same_credit(const struct credit *a, const struct credit *b)
{
	return a->ms == b->ms && a->operator_id == b->operator_id &&
	       a->first == b->first && a->skewed == b->skewed;
}

void
credit_chat(struct model *m, struct chat *c, const struct credit *v, size_t n)
{
	const struct credit *old = c->credits;
	size_t from = 0, old_end = c->credits_n, end = n;

	if (!m->incremental) {
		add_credits(m, v, n);
		return;
	}
	while (
	    from < old_end && from < end && same_credit(&old[from], &v[from]))
		from++;
	while (old_end > from && end > from &&
	       same_credit(&old[old_end - 1], &v[end - 1])) {
		old_end--;
		end--;
	}
	if (from == old_end && from == end)
		return;
	remove_credits(m, old + from, old_end - from);
	add_credits(m, v + from, end - from);
	m->changes.totals = true;
	if (n == 0) {
		free(c->credits);
		c->credits = NULL;
	} else {
		/* Allocated in steps of 8: most changes add one. */
		if (c->credits == NULL || (n + 7) / 8 > (c->credits_n + 7u) / 8)
			c->credits = xrealloc(
			    c->credits, (n + 7) / 8 * 8, sizeof *c->credits);
		memcpy(c->credits + from, v + from, (n - from) * sizeof *v);
	}
	c->credits_n = (uint32_t)n;
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
	add_credits(m, c->credits, c->credits_n);
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
