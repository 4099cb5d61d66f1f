/*
 * allocation_refusals: the refusals of a chat, and the pauses that follow:
 * an operator who refused is not asked again before their pause ends, and each
 * pause is twice as long as the one before.
 */
#include "aggregator/allocation/allocation_impl.h"

#include "common/base/xalloc.h"

int64_t
alloc_pause_after(const struct allocation *a, unsigned n)
{
	int64_t p = a->set.pause;

	while (n-- > 1 && p < ALLOCATION_LONGEST_PAUSE)
		p *= 2;
	return p < ALLOCATION_LONGEST_PAUSE ? p : ALLOCATION_LONGEST_PAUSE;
}

bool
alloc_refused(const struct allocation *a, const struct alloc_chat *c,
    const struct alloc_operator *o)
{
	size_t i;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].by == o && c->refusals[i].until > a->now)
			return true;
	return false;
}

/* Nobody is asked before their pause ends, so what is left has at most one of
 * each operator. */
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
alloc_refusal_add(const struct allocation *a, struct alloc_chat *c,
    const struct alloc_operator *by)
{
	struct alloc_refusal *r;

	c->failures++;
	drop_ended_pauses(a, c);
	XGROW(c->refusals, c->refusals_n, c->refusals_cap);
	r = &c->refusals[c->refusals_n++];
	r->by = by;
	r->until = a->now + alloc_pause_after(a, c->failures);
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
