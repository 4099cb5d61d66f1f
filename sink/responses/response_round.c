/*
 * response_round: months and days that are read as a whole although a slot has
 * not all of them, as the months of operators in most zones; see
 * response_sums.h. What the slot has not is read, too, and taken off: hours,
 * instead of all days of a month.
 *
 * A maximum cannot be taken off: where the longest response is among those that
 * are, response_sums reads the sum once more, without rounding.
 */
#include "sink/responses/response_sums.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* What a slot may lack of what is read for it: with more, too many maxima would
 * be read once more. */
#define EXCESS_MAX(length) ((length) / 8)

struct rounder {
	bool (*has)(const void *ctx, enum response_level level, int64_t begin);
	const void *ctx;
	struct response_rounded *to;
	int64_t taken; /* up to where something is taken off */
};

/* What is taken off the slot. */
static void
take_off(struct rounder *d, int64_t from, int64_t to, int64_t slot)
{
	if (from >= to)
		return;
	response_plan_stretch(&d->to->excess, from, slot);
	response_plan_stretch(&d->to->excess, to, -1);
	d->taken = to;
}

/* Reads the span that ms is in as a whole for a stretch. False: it does not. */
static bool
round_span(struct rounder *d, enum response_level level, int64_t ms,
    const struct response_range *r, int64_t slot, struct response_range *span)
{
	int64_t excess;

	span->from = response_span_begin(ms, level);
	span->to = response_span_end(span->from, level);
	excess = (r->from > span->from ? r->from - span->from : 0) +
		 (r->to < span->to ? span->to - r->to : 0);
	if (excess == 0 || excess > EXCESS_MAX(span->to - span->from) ||
	    span->from < d->taken || !d->has(d->ctx, level, span->from))
		return false;
	XGROW(d->to->wholes[level].list, d->to->wholes[level].n,
	    d->to->wholes[level].cap);
	d->to->wholes[level].list[d->to->wholes[level].n++] =
	    (struct response_whole){ span->from, slot };
	take_off(d, span->from, r->from, slot);
	take_off(d, r->to, span->to, slot);
	return true;
}

/* The spans in which a stretch begins and ends; *r: what is left. */
static void
round_ends(struct rounder *d, enum response_level level,
    struct response_range *r, int64_t slot)
{
	struct response_range span;

	if (r->from < r->to && round_span(d, level, r->from, r, slot, &span))
		r->from = span.to < r->to ? span.to : r->to;
	if (r->from < r->to && round_span(d, level, r->to - 1, r, slot, &span))
		r->to = span.from;
}

void
response_plan_round(const struct response_plan *p,
    bool (*has)(const void *ctx, enum response_level level, int64_t begin),
    const void *ctx, struct response_rounded *to)
{
	struct rounder d = { has, ctx, to, INT64_MIN };
	struct response_range r;
	int64_t slot;
	size_t i;

	*to = (struct response_rounded){ .rest = {
					     .from = p->from, .to = p->to } };
	for (i = 0; i + 1 < p->stretches_n; i++) {
		slot = p->stretches[i].slot;
		r = (struct response_range){ p->stretches[i].begin,
			p->stretches[i + 1].begin };
		/* No shorter one has most of a day. */
		if (slot >= 0 && r.to - r.from >= DAY_MS / 2) {
			round_ends(&d, RESPONSE_MONTHS, &r, slot);
			round_ends(&d, RESPONSE_DAYS, &r, slot);
		}
		if (slot < 0 || r.from >= r.to)
			continue;
		response_plan_stretch(&to->rest, r.from, slot);
		response_plan_stretch(&to->rest, r.to, -1);
	}
}

static int
compare_wholes(const void *pa, const void *pb)
{
	const struct response_whole *a = pa, *b = pb;

	return (a->begin > b->begin) - (a->begin < b->begin);
}

int64_t
response_whole_slot(
    const struct response_rounded *l, int64_t begin, enum response_level level)
{
	const struct response_whole key = { begin, -1 }, *found = NULL;

	if (level <= RESPONSE_DAYS && l->wholes[level].n > 0)
		found = bsearch(&key, l->wholes[level].list, l->wholes[level].n,
		    sizeof key, compare_wholes);
	return found != NULL ? found->slot : -1;
}

void
response_rounded_release(struct response_rounded *l)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(l->wholes); i++)
		free(l->wholes[i].list);
	response_plan_release(&l->rest);
	response_plan_release(&l->excess);
}
