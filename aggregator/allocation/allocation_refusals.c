/*
 * allocation_refusals: refusals and the pauses that follow. An operator who has
 * refused a chat is not asked again before a pause ends; an operator who has
 * refused several chats in a row gets no chat during a pause. Each pause is
 * twice as long as the previous one.
 */
#include "aggregator/allocation/allocation_impl.h"

#include "common/base/xalloc.h"

/* After this many consecutive refusals an operator pauses for all chats. */
#define REFUSALS_OF_ONE 3

/* Returns the length of the pause after the n-th refusal. */
static int64_t
pause_after(const struct allocation *a, unsigned n)
{
	int64_t p = a->set.pause;

	while (n-- > 1 && p < ALLOCATION_LONGEST_PAUSE)
		p *= 2;
	return p < ALLOCATION_LONGEST_PAUSE ? p : ALLOCATION_LONGEST_PAUSE;
}

/* No operator is asked before their pause ends, so at most one refusal of each
 * operator remains. */
static void
drop_ended_pauses(const struct allocation *a, struct alloc_chat *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now)
			c->refusals[n++] = c->refusals[i];
	c->refusals_n = n;
}

void
alloc_operator_timer(struct allocation *a, struct alloc_operator *o)
{
	int64_t due = INT64_MAX;

	if (o->paused_until > a->now)
		due = o->paused_until;
	if (a->set.offline > 0 && o->away_since != CLOCK_NONE &&
	    o->away_since + a->set.offline > a->now &&
	    o->away_since + a->set.offline < due)
		due = o->away_since + a->set.offline;
	alloc_set_timer(a, &o->timer, due);
}

static void
pause_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(a, o);
	if (++o->refusals >= REFUSALS_OF_ONE)
		o->paused_until =
		    a->now + pause_after(a, o->refusals - REFUSALS_OF_ONE + 1);
	alloc_operator_end(a, o);
	alloc_operator_timer(a, o);
}

void
alloc_refusal_add(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *by)
{
	struct alloc_refusal *r;

	c->failures++;
	drop_ended_pauses(a, c);
	XGROW(c->refusals, c->refusals_n, c->refusals_cap);
	r = &c->refusals[c->refusals_n++];
	r->by = by;
	r->until = a->now + pause_after(a, c->failures);
	pause_operator(a, by);
}

int64_t
alloc_pause_ends(const struct allocation *a, const struct alloc_chat *c)
{
	int64_t first = a->now + ALLOCATION_LONGEST_PAUSE;
	size_t i;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now &&
		    c->refusals[i].until < first)
			first = c->refusals[i].until;
	return first;
}
