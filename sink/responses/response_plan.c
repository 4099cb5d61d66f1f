/*
 * response_plan: see response_plan.h.
 */
#include "sink/responses/response_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

static const int64_t lengths[] = {
	[RESPONSE_DAYS] = DAY_MS,
	[RESPONSE_HOURS] = HOUR_MS,
};

void
response_ranges_add(struct response_ranges *r, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	if (r->n > 0 && r->list[r->n - 1].to == from) {
		r->list[r->n - 1].to = to;
		return;
	}
	XGROW(r->list, r->n, r->cap);
	r->list[r->n++] = (struct response_range){ from, to };
}

void
response_plan_release(struct response_plan *p)
{
	free(p->stretches);
}

void
response_plan_stretch(struct response_plan *p, int64_t begin, int64_t slot)
{
	size_t n = p->stretches_n;

	if (n > 0 && p->stretches[n - 1].slot == slot)
		return;
	XGROW(p->stretches, p->stretches_n, p->stretches_cap);
	p->stretches[p->stretches_n++] =
	    (struct response_stretch){ begin, slot };
}

void
response_plan_periods(struct response_plan *p, const struct response_span *s)
{
	size_t i;

	p->from = s->from;
	p->to = s->to;
	for (i = 0; i < s->n; i++)
		response_plan_stretch(p, s->begins[i], (int64_t)i);
	response_plan_stretch(p, s->to, -1);
}

/* The last stretch that begins at that time or before; none: the number of
 * stretches. */
static size_t
find_stretch(const struct response_plan *p, int64_t ms)
{
	size_t low = 0, high = p->stretches_n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (p->stretches[middle].begin <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : p->stretches_n;
}

/* The last one has no slot, and no end. */
static int64_t
stretch_end(const struct response_plan *p, size_t i)
{
	return i + 1 < p->stretches_n ? p->stretches[i + 1].begin : INT64_MAX;
}

int64_t
response_plan_slot(
    const struct response_plan *p, int64_t begin, enum response_level level)
{
	size_t i = find_stretch(p, begin);

	return i < p->stretches_n && begin + lengths[level] <= stretch_end(p, i)
		   ? p->stretches[i].slot
		   : -1;
}

static bool
is_due(const struct response_available *k, int64_t from, int64_t to)
{
	size_t low = 0, high = k->due_n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (k->due[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->due_n && k->due[low] < to;
}

/* Whether the day or hour that begins at t is in the stretch, and has sums. */
static bool
fits(const struct response_available *k, enum response_level level, int64_t t,
    int64_t to)
{
	int64_t end = t + lengths[level];

	return t % lengths[level] == 0 && end <= to && t >= k->first &&
	       end <= k->end && !is_due(k, t, end);
}

/* The hour that ms is in, unless it is the last one. */
static void
add_cut_hour(const struct response_available *k, struct response_ranges *hours,
    int64_t ms)
{
	int64_t begin = clock_floor(ms, HOUR_MS);

	if (begin >= k->first && begin + HOUR_MS <= k->end &&
	    (hours->n == 0 || hours->list[hours->n - 1].to <= begin))
		response_ranges_add(hours, begin, begin + HOUR_MS);
}

void
response_plan_cut(const struct response_plan *p,
    const struct response_available *k, bool cut,
    struct response_ranges *ranges)
{
	enum response_level level;
	int64_t t, to, next;
	size_t i;

	for (i = 0; i < p->stretches_n; i++) {
		if (p->stretches[i].slot < 0)
			continue;
		to = stretch_end(p, i);
		for (t = p->stretches[i].begin; t < to; t = next) {
			level = RESPONSE_DAYS;
			while (level < RESPONSE_INTERVALS &&
			       !fits(k, level, t, to))
				level++;
			next = level < RESPONSE_INTERVALS
				   ? t + lengths[level]
				   : clock_floor(t, HOUR_MS) + HOUR_MS;
			next = next < to ? next : to;
			response_ranges_add(&ranges[level], t, next);
			if (cut && level == RESPONSE_INTERVALS)
				add_cut_hour(k, &ranges[RESPONSE_HOURS], t);
		}
	}
}

void
response_plan_mark(const struct response_plan *p,
    const struct response_ranges *ranges, const struct response_range *time,
    struct strmap *slots)
{
	const struct response_stretch *s = p->stretches;
	const struct response_range *r;
	int64_t from, to;
	size_t i;

	for (r = ranges->list; r < ranges->list + ranges->n; r++) {
		from = r->from > time->from ? r->from : time->from;
		to = r->to < time->to ? r->to : time->to;
		if (from >= to)
			continue;
		for (i = find_stretch(p, from);
		     i < p->stretches_n && s[i].begin < to; i++)
			if (s[i].slot >= 0)
				*strmap_put(slots, (const char *)&s[i].slot,
				    sizeof s[i].slot) = slots;
	}
}

void
response_plan_add_slot(const struct response_plan *p,
    const struct response_ranges *ranges, struct buf *sql)
{
	const struct response_range *r;
	const struct response_stretch *s;
	struct buf times = BUF_INIT, slots = BUF_INIT;
	size_t i, at, n = 0;

	for (i = 0; i < ranges->n; i++) {
		r = &ranges->list[i];
		for (at = find_stretch(p, r->from); at < p->stretches_n;
		     at++, n++) {
			s = &p->stretches[at];
			if (s->begin >= r->to)
				break;
			buf_addf(&slots, ", %" PRId64, s->slot);
			buf_addf(&times, ", %" PRId64,
			    s->begin > r->from ? s->begin : r->from);
		}
	}
	if (n == 1) /* as of most ranges, and computed once */
		buf_adds(sql, buf_str(&slots) + strlen(", "));
	else
		buf_addf(sql,
		    "CAST(ELT(INTERVAL(" RESPONSE_SLOT_MS "%s)%s) AS UNSIGNED)",
		    buf_str(&times), buf_str(&slots));
	buf_release(&times);
	buf_release(&slots);
}
