/*
 * chat_credits: see chat_credits.h.
 */
#include "aggregator/model/chat_credits.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_private.h"
#include "aggregator/model/operator_change.h"

/* How long after the window another operator may still be credited with an
 * interval. */
#define CORRECTS_MS (7 * DAY_MS)

/* Adds a response to the figures of its operator and of the tenant, or removes
 * it (more: false). */
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
	o = operators_get(m, i->operator_id);
	if (more)
		order_stats_insert(&o->responses, i->ms);
	else
		order_stats_remove(&o->responses, i->ms);
	if (i->kind == INTERVAL_FIRST_RESPONSE)
		tally(&o->first_responses, i->ms);
	touch_operator(m, o);
}

/* The range in which two lists differ: from .. old_end - 1, and from .. end -
 * 1. */
struct difference {
	size_t from, old_end, end;
};

/* Ignores the operator and the channel. */
static bool
is_same_span(const struct interval *a, const struct interval *b)
{
	return a->start == b->start && a->end == b->end && a->kind == b->kind &&
	       message_id_same(a->message, b->message);
}

static bool
is_same_interval(
    const struct interval *a, const struct interval *b, bool credits)
{
	return is_same_span(a, b) && a->by_record == b->by_record &&
	       a->first == b->first && a->operator_id == b->operator_id &&
	       a->channel == b->channel &&
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

/* A chat's first assignment names the assignee of the time before it, too, but
 * intervals that ended long ago keep the operator with which they were reported
 * (messaging-metrics(7)). */
static void
report_difference(
    struct model *m, const struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, false);
	int64_t limit = m->window > 0 && m->as_of != CLOCK_NONE
			    ? m->as_of - m->window - CORRECTS_MS
			    : INT64_MIN;
	size_t i;

	while (d.from < d.old_end && d.from < d.end && v[d.from].end < limit &&
	       is_same_span(&c->intervals[d.from], &v[d.from]))
		d.from++;
	for (i = d.from; i < d.old_end; i++)
		m->follower->interval(
		    m->follower_ctx, m, c, &c->intervals[i], true);
	for (i = d.from; i < d.end; i++)
		m->follower->interval(m->follower_ctx, m, c, &v[i], false);
}

void
intervals_save(
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
credits_update(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, true);
	size_t i;

	if (m->follower != NULL)
		report_difference(m, c, v, n);
	for (i = d.from; i < d.old_end; i++)
		if (c->intervals[i].credited)
			credit_response(m, &c->intervals[i], false);
	for (i = d.from; i < d.end; i++)
		if (v[i].credited)
			credit_response(m, &v[i], true);
	if (m->incremental && (d.from < d.old_end || d.from < d.end))
		intervals_save(m, c, v, n);
}

void
intervals_drop(struct model *m, struct chat *c, size_t n)
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
	o = operators_get(m, assignee);
	o->open_chats += one;
	touch_operator(m, o);
	if (wait == CLOCK_NONE)
		return;
	if (more)
		order_stats_insert(&o->waits, wait);
	else
		order_stats_remove(&o->waits, wait);
}

void
credits_update_open(struct model *m, struct chat *c)
{
	bool open = chat_is_open(c);

	if (c->credited.open == open &&
	    (!open || (c->credited.assignee == c->now.assignee &&
			  c->credited.wait == c->figures.waiting_since)))
		return;
	if (c->credited.open)
		count_open_chat(
		    m, c->credited.assignee, c->credited.wait, false);
	if (open)
		count_open_chat(
		    m, c->now.assignee, c->figures.waiting_since, true);
	c->credited.open = open;
	c->credited.assignee = c->now.assignee;
	c->credited.wait = c->figures.waiting_since;
	m->changes.totals = true;
}

void
credits_restore(struct model *m, struct chat *c)
{
	uint32_t i;

	for (i = 0; i < c->intervals_n; i++)
		credit_response(m, &c->intervals[i], true);
	c->credited.open = false;
	credits_update_open(m, c);
}

void
credits_withdraw(struct model *m, struct chat *c)
{
	struct interval *x;

	for (x = c->intervals; x < c->intervals + c->intervals_n; x++) {
		if (x->credited)
			credit_response(m, x, false);
		x->credited = false;
	}
	credits_update_open(m, c);
}

int64_t
credits_longest_wait(const struct model *m, struct order_stats *waits)
{
	int64_t since = order_stats_min(waits);

	if (since == TALLY_NONE)
		return TALLY_NONE;
	return m->present > since ? m->present - since : 0;
}

int64_t
operator_longest_wait(const struct model *m, struct operator_info *o)
{
	return credits_longest_wait(m, &o->waits);
}
