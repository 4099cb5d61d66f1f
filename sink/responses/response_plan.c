/*
 * response_plan: which hours can be read as a whole, and which are cut; see
 * response_sums.h. Hours that follow each other and belong to the same slot are
 * a stretch.
 */
#include "sink/responses/response_sums.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/rollup.h"

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
	buf_release(&p->interval_slot);
	free(p->intervals);
	free(p->stretches);
}

void
response_plan_stretch(struct response_plan *p, int64_t begin, int64_t slot)
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
	int64_t first = clock_ceil(from, HOUR_MS);
	int64_t last = clock_floor(to, HOUR_MS);

	if (first >= last) {
		response_plan_add(p, from, to);
		return;
	}
	response_plan_add(p, from, first);
	response_plan_stretch(p, first, (int64_t)slot);
	response_plan_stretch(p, last, -1);
	response_plan_add(p, last, to);
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

int64_t
response_plan_slot(const struct response_plan *p, int64_t begin)
{
	size_t i = find_stretch(p, begin);

	return i < p->stretches_n ? p->stretches[i].slot : -1;
}

static void
add_span_piece(struct response_pieces *p, int64_t from, int64_t to)
{
	if (p->n > 0 && p->list[p->n - 1].to == from) {
		p->list[p->n - 1].to = to;
		return;
	}
	XGROW(p->list, p->n, p->cap);
	p->list[p->n++] = (struct response_range){ from, to };
}

/* The end of the longest span that begins at t and ends by `to`, and its
 * level. */
static int64_t
longest_span(int64_t t, int64_t to,
    bool (*has)(const void *ctx, size_t level, int64_t begin), const void *ctx,
    size_t *level)
{
	*level = RESPONSE_HOURS;
	if (t % DAY_MS != 0 || t + DAY_MS > to)
		return t + HOUR_MS;
	if (to - t >= 28 * DAY_MS && rollup_month(t) == t &&
	    rollup_next_month(t) <= to && has(ctx, RESPONSE_MONTHS, t)) {
		*level = RESPONSE_MONTHS;
		return rollup_next_month(t);
	}
	if (!has(ctx, RESPONSE_DAYS, t))
		return t + HOUR_MS;
	*level = RESPONSE_DAYS;
	return t + DAY_MS;
}

/* The end of a stretch; of the last one that of the range's last hour. */
static int64_t
stretch_end(const struct response_plan *p, size_t i)
{
	return i + 1 < p->stretches_n ? p->stretches[i + 1].begin
				      : clock_ceil(p->to, HOUR_MS);
}

void
response_plan_cut(const struct response_plan *p,
    bool (*has)(const void *ctx, size_t level, int64_t begin), const void *ctx,
    struct response_pieces *pieces)
{
	int64_t t, to, next;
	size_t i, level;

	for (i = 0; i < p->stretches_n; i++) {
		to = stretch_end(p, i);
		for (t = p->stretches[i].begin; t < to; t = next) {
			level = RESPONSE_HOURS;
			next = p->stretches[i].slot < 0
				   ? t + HOUR_MS
				   : longest_span(t, to, has, ctx, &level);
			add_span_piece(&pieces[level], t, next);
		}
	}
}

void
response_plan_periods(struct response_plan *p, const struct response_span *s)
{
	size_t i;

	p->from = s->from;
	p->to = s->to;
	buf_adds(&p->interval_slot, "INTERVAL(" RESPONSE_SLOT_MS);
	response_plan_stretch(p, clock_floor(s->from, HOUR_MS), -1);
	for (i = 0; i < s->n; i++) {
		add_period(p, s->begins[i], s->begins[i + 1], i);
		buf_addf(&p->interval_slot, ", %" PRId64, s->begins[i]);
	}
	buf_adds(&p->interval_slot, ") - 1");
}
