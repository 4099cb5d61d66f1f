/*
 * response_plan: which hours can be read as a whole, and which are cut; see
 * response_sums.h. Hours that follow each other and belong to the same slot are
 * a stretch, whose number INTERVAL() finds by halving.
 */
#include "sink/responses/response_sums.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

static int64_t
hour_floor(int64_t ms)
{
	int64_t rest = ms % HOUR_MS;

	return ms - (rest < 0 ? rest + HOUR_MS : rest);
}

static int64_t
hour_ceil(int64_t ms)
{
	return hour_floor(ms + HOUR_MS - 1);
}

void
response_plan_add(struct response_plan *p, int64_t from, int64_t to)
{
	size_t n = p->intervals_n;

	if (from >= to)
		return;
	if (n > 0 && p->intervals[n - 1].to == from) {
		p->intervals[n - 1].to = to;
		return;
	}
	XGROW(p->intervals, p->intervals_n, p->intervals_cap);
	p->intervals[p->intervals_n++] = (struct response_range){ from, to };
}

void
response_plan_release(struct response_plan *p)
{
	buf_release(&p->hour_slot);
	buf_release(&p->interval_slot);
	free(p->intervals);
	free(p->stretches);
}

/* From this hour on the slot is that. */
static void
add_stretch(struct response_plan *p, int64_t begin, int64_t slot)
{
	size_t n = p->stretches_n;

	if (n > 0 && p->stretches[n - 1].begin == begin) {
		p->stretches[n - 1].slot = slot;
		return;
	}
	if (n > 0 && p->stretches[n - 1].slot == slot)
		return;
	XGROW(p->stretches, p->stretches_n, p->stretches_cap);
	p->stretches[p->stretches_n++] =
	    (struct response_stretch){ begin, slot };
}

/* The hours of a period: cut at its begin, whole, cut at its end. */
static void
add_period(struct response_plan *p, int64_t from, int64_t to, size_t slot)
{
	int64_t first = hour_ceil(from), last = hour_floor(to);

	if (first >= last) {
		response_plan_add(p, from, to);
		return;
	}
	response_plan_add(p, from, first);
	add_stretch(p, first, (int64_t)slot);
	add_stretch(p, last, -1);
	response_plan_add(p, last, to);
}

/* Finds the whole hours; returns how many stretches are. */
static size_t
find_whole(struct response_plan *p)
{
	size_t i, n = 0;

	/* The last one is none. */
	for (i = 0; i + 1 < p->stretches_n; i++) {
		if (p->stretches[i].slot < 0)
			continue;
		if (n++ == 0)
			p->whole_from = p->stretches[i].begin;
		p->whole_to = p->stretches[i + 1].begin;
	}
	return n;
}

/* The number of a stretch from the first to before the end. */
static void
write_stretch(
    const struct response_plan *p, size_t first, size_t end, struct buf *to)
{
	size_t i;

	if (first + 1 == end) { /* which needs not be computed for each row */
		buf_addf(to, "%zu", first);
		return;
	}
	buf_adds(to, "INTERVAL(" RESPONSE_SLOT_HOUR);
	for (i = first; i < end; i++)
		buf_addf(to, ", %" PRId64, p->stretches[i].begin / HOUR_MS);
	buf_addf(to, ") + %zu - 1", first);
}

bool
response_plan_next(
    const struct response_plan *p, int64_t least_ms, struct response_chunk *c)
{
	size_t first = c->next, end;

	buf_clear(&c->slot);
	if (p->stretches_n == 0) {
		c->from = p->whole_from;
		c->to = p->whole_to;
		buf_adds(&c->slot, buf_str(&p->hour_slot));
		return c->next++ == 0 && c->from < c->to;
	}
	while (first < p->stretches_n && p->stretches[first].slot < 0)
		first++;
	if (first == p->stretches_n)
		return false;
	/* The last one is not whole. */
	for (end = first + 1;
	     p->stretches[end].begin < p->whole_to &&
	     p->stretches[end].begin - p->stretches[first].begin < least_ms;)
		end++;
	c->from = p->stretches[first].begin;
	c->to = p->stretches[end].begin;
	c->next = end;
	write_stretch(p, first, end, &c->slot);
	return true;
}

void
response_plan_periods(struct response_plan *p, const struct response_span *s)
{
	size_t i;

	p->from = s->from;
	p->to = s->to;
	buf_adds(&p->interval_slot, "INTERVAL(" RESPONSE_SLOT_MS);
	add_stretch(p, hour_floor(s->from), -1);
	for (i = 0; i < s->n; i++) {
		add_period(p, s->begins[i], s->begins[i + 1], i);
		buf_addf(&p->interval_slot, ", %" PRId64, s->begins[i]);
	}
	buf_adds(&p->interval_slot, ") - 1");
	if (find_whole(p) > 0)
		write_stretch(p, 0, p->stretches_n, &p->hour_slot);
}
