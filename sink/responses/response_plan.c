/*
 * response_plan: how periods of a zone are put together from months, days,
 * hours and quarters of UTC: which of these spans can be read as a whole, and
 * which are cut; see response_sums.h. Times that follow each other and belong
 * to the same slot are a stretch.
 */
#include "sink/responses/response_sums.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/rollup.h"

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

static const int64_t span_lengths[] = {
	[RESPONSE_DAYS] = DAY_MS,
	[RESPONSE_HOURS] = HOUR_MS,
	[RESPONSE_QUARTERS] = QUARTER_MS,
};

int64_t
response_span_begin(int64_t ms, enum response_level level)
{
	return level == RESPONSE_MONTHS ? rollup_month(ms)
					: clock_floor(ms, span_lengths[level]);
}

int64_t
response_span_end(int64_t begin, enum response_level level)
{
	return level == RESPONSE_MONTHS ? rollup_next_month(begin)
					: begin + span_lengths[level];
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

	return i < p->stretches_n &&
		       response_span_end(begin, level) <= stretch_end(p, i)
		   ? p->stretches[i].slot
		   : -1;
}

bool
response_pieces_cut(const struct response_pieces *p,
    const struct response_range *time, struct response_range *part)
{
	size_t low = 0, high = p->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (p->list[middle].to <= time->from)
			low = middle + 1;
		else
			high = middle;
	}
	if (time->from >= time->to || low == p->n ||
	    p->list[low].from >= time->to)
		return false;
	*part = p->list[low];
	if (part->from < time->from)
		part->from = time->from;
	if (part->to > time->to)
		part->to = time->to;
	return true;
}

void
response_pieces_add(struct response_pieces *p, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	if (p->n > 0 && p->list[p->n - 1].to == from) {
		p->list[p->n - 1].to = to;
		return;
	}
	XGROW(p->list, p->n, p->cap);
	p->list[p->n++] = (struct response_range){ from, to };
}

int64_t
response_pieces_ms(const struct response_pieces *p)
{
	int64_t ms = 0;
	size_t i;

	for (i = 0; i < p->n; i++)
		ms += p->list[i].to - p->list[i].from;
	return ms;
}

/* Adds the hour or quarter that ms is in, unless it is the last one. */
static void
add_span_of(struct response_pieces *p, int64_t ms, int64_t length)
{
	int64_t begin = clock_floor(ms, length);

	if (p->n == 0 || p->list[p->n - 1].to <= begin)
		response_pieces_add(p, begin, begin + length);
}

void
response_plan_cut_hours(
    const struct response_plan *p, struct response_pieces *hours)
{
	size_t i;

	for (i = 0; i < p->stretches_n; i++) {
		if (p->stretches[i].begin % HOUR_MS != 0)
			add_span_of(hours, p->stretches[i].begin, HOUR_MS);
	}
}

void
response_plan_add_slot(const struct response_plan *p,
    const struct response_pieces *pieces, struct buf *sql)
{
	const struct response_range *piece;
	const struct response_stretch *s;
	struct buf times = BUF_INIT, slots = BUF_INIT;
	size_t i, at, n = 0;

	for (i = 0; i < pieces->n; i++) {
		piece = &pieces->list[i];
		for (at = find_stretch(p, piece->from); at < p->stretches_n;
		     at++, n++) {
			s = &p->stretches[at];
			if (s->begin >= piece->to)
				break;
			buf_addf(&slots, ", %" PRId64, s->slot);
			buf_addf(&times, ", %" PRId64,
			    s->begin > piece->from ? s->begin : piece->from);
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

void
response_plan_mark(const struct response_plan *p,
    const struct response_range *time, struct strmap *slots)
{
	const struct response_stretch *s = p->stretches;
	size_t i = find_stretch(p, time->from);

	for (; i < p->stretches_n && s[i].begin < time->to; i++) {
		if (s[i].slot >= 0)
			*strmap_put(slots, (const char *)&s[i].slot,
			    sizeof s[i].slot) = slots;
	}
}

struct plan_cut {
	bool (*has)(const void *ctx, enum response_level level, int64_t begin);
	const void *ctx;
};

/* Whether the span of a level that begins at t can be read. */
static bool
fits(const struct plan_cut *c, enum response_level level, int64_t t, int64_t to)
{
	static const int64_t units[] = {
		[RESPONSE_MONTHS] = DAY_MS,
		[RESPONSE_DAYS] = DAY_MS,
		[RESPONSE_HOURS] = HOUR_MS,
		[RESPONSE_QUARTERS] = QUARTER_MS,
	};

	if (t % units[level] != 0 || to - t < units[level] ||
	    (level == RESPONSE_MONTHS && rollup_month(t) != t) ||
	    response_span_end(t, level) > to)
		return false;
	return c->has(c->ctx, level,
	    level == RESPONSE_QUARTERS ? clock_floor(t, HOUR_MS) : t);
}

/* The end of the longest span that begins at t and can be read, and its level;
 * intervals are read up to the end of their quarter. */
static int64_t
longest_span(
    const struct plan_cut *c, int64_t t, int64_t to, enum response_level *level)
{
	int64_t end = clock_floor(t, QUARTER_MS) + QUARTER_MS;

	for (*level = RESPONSE_MONTHS; *level < RESPONSE_INTERVALS; ++*level) {
		if (fits(c, *level, t, to))
			return response_span_end(t, *level);
	}
	return end < to ? end : to;
}

/* The hour of a part of it, and the quarter that is cut. */
static void
add_cut(const struct plan_cut *c, int64_t t, enum response_level level,
    struct response_pieces *pieces)
{
	if (level < RESPONSE_QUARTERS)
		return;
	add_span_of(&pieces[RESPONSE_HOURS], t, HOUR_MS);
	if (level == RESPONSE_INTERVALS &&
	    c->has(c->ctx, RESPONSE_QUARTERS, clock_floor(t, HOUR_MS)))
		add_span_of(&pieces[RESPONSE_QUARTERS], t, QUARTER_MS);
}

void
response_plan_cut(const struct response_plan *p,
    bool (*has)(const void *ctx, enum response_level level, int64_t begin),
    const void *ctx, bool cut, struct response_pieces *pieces)
{
	const struct plan_cut c = { has, ctx };
	enum response_level level;
	int64_t t, to, next;
	size_t i;

	for (i = 0; i < p->stretches_n; i++) {
		if (p->stretches[i].slot < 0)
			continue;
		to = stretch_end(p, i);
		for (t = p->stretches[i].begin; t < to; t = next) {
			next = longest_span(&c, t, to, &level);
			response_pieces_add(&pieces[level], t, next);
			if (cut)
				add_cut(&c, t, level, pieces);
		}
	}
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
