/*
 * dedup: see dedup.h. Each part is an open-addressing table with linear
 * probing. A removal shifts the following entries back, so that no deleted
 * slots remain.
 */
#include "aggregator/containers/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"

#define SPANS 24 /* spans in a window */
#define SPAN_LEAST_MS (INT64_C(10) * 1000)
#define SPAN_MASK UINT64_C(0xffff)
#define FIRST_SLOTS 16

/* Returns the length of a span: 1/24 of the window, so that little more than
 * the window is kept, but at least ten seconds and at most an hour. Without a
 * window it is an hour. */
static int64_t
span_length(int64_t window_ms)
{
	int64_t ms = window_ms / SPANS;

	if (window_ms <= 0 || ms > HOUR_MS)
		return HOUR_MS;
	return ms < SPAN_LEAST_MS ? SPAN_LEAST_MS : ms;
}

void
dedup_init(struct dedup *s, uint64_t seed, int64_t window_ms)
{
	memset(s, 0, sizeof *s);
	s->seed = seed;
	s->window_ms = window_ms;
	s->span_ms = span_length(window_ms);
	s->until = CLOCK_NONE;
	s->open = true;
}

void
dedup_release(struct dedup *s)
{
	size_t i;

	for (i = 0; s->parts != NULL && i < DEDUP_PARTS; i++)
		free(s->parts[i].slots);
	free(s->parts);
	free(s->fresh);
	memset(s, 0, sizeof *s);
}

struct fingerprint
dedup_fingerprint(const struct dedup *s, struct text t)
{
	struct hash_128 x = hash_text_128(s->seed, t.p, t.len);

	return (
	    struct fingerprint){ x.low != 0 ? x.low : 1, x.high & ~SPAN_MASK };
}

/* Returns the number of the span that contains `at`. */
static uint16_t
span_of(const struct dedup *s, int64_t at)
{
	int64_t n = at / s->span_ms;

	n -= n * s->span_ms > at;
	return (uint16_t)((uint64_t)n & SPAN_MASK);
}

static void
list_fresh(struct dedup *s, struct fingerprint f, uint16_t span)
{
	if (!s->lists)
		return;
	XGROW(s->fresh, s->fresh_n, s->fresh_cap);
	s->fresh[s->fresh_n++] = (struct dedup_fresh){ f, span };
}

/* Returns the fingerprint's slot, or the free slot where it belongs. */
static struct fingerprint *
find_fingerprint(const struct dedup_part *p, struct fingerprint f)
{
	size_t i = f.a & p->mask;
	struct fingerprint *slot;

	for (;; i = (i + 1) & p->mask) {
		slot = &p->slots[i];
		if (slot->a == 0 ||
		    (slot->a == f.a && (slot->b & ~SPAN_MASK) == f.b))
			return slot;
	}
}

static void
grow_part(struct dedup_part *p)
{
	size_t i, slots = p->slots != NULL ? (p->mask + 1) * 2 : FIRST_SLOTS;
	struct dedup_part bigger = { .mask = slots - 1, .n = p->n };
	struct fingerprint f;

	bigger.slots = xcalloc(slots, sizeof *bigger.slots);
	for (i = 0; p->slots != NULL && i <= p->mask; i++) {
		f = p->slots[i];
		f.b &= ~SPAN_MASK;
		if (f.a != 0)
			*find_fingerprint(&bigger, f) = p->slots[i];
	}
	free(p->slots);
	*p = bigger;
}

/* Empties slot i and shifts back the entries after it. */
static void
remove_slot(struct dedup_part *p, size_t i)
{
	size_t hole = i, home;

	for (;;) {
		i = (i + 1) & p->mask;
		if (p->slots[i].a == 0)
			break;
		home = p->slots[i].a & p->mask;
		/* The entry stays unless its home is at or before the hole. */
		if (((i - home) & p->mask) < ((i - hole) & p->mask))
			continue;
		p->slots[hole] = p->slots[i];
		hole = i;
	}
	p->slots[hole].a = 0;
	p->n--;
}

/* Removes the entries of spans before that one. */
static void
remove_before(struct dedup_part *p, uint16_t oldest)
{
	size_t i = 0;
	uint16_t age;

	while (i <= p->mask) {
		age = (uint16_t)((p->slots[i].b & SPAN_MASK) - oldest);
		/* Another entry may move here: check the slot again. */
		if (p->slots[i].a != 0 && age > SPAN_MASK / 2)
			remove_slot(p, i);
		else
			i++;
	}
}

bool
dedup_has(const struct dedup *s, struct fingerprint f)
{
	const struct dedup_part *p;

	if (s->parts == NULL)
		return false;
	p = &s->parts[f.a >> 56];
	return p->slots != NULL && find_fingerprint(p, f)->a != 0;
}

/* Adds a fingerprint, or moves it to a later span. Returns false if it is
 * already there. */
static bool
add_to_span(struct dedup *s, struct fingerprint f, uint16_t span, bool *is_new)
{
	struct fingerprint *slot;
	struct dedup_part *p;
	uint16_t later;

	if (s->parts == NULL)
		s->parts = xcalloc(DEDUP_PARTS, sizeof *s->parts);
	p = &s->parts[f.a >> 56];
	if (p->slots == NULL || p->n * 4 >= (p->mask + 1) * 3)
		grow_part(p);
	slot = find_fingerprint(p, f);
	*is_new = slot->a == 0;
	later = (uint16_t)(span - (slot->b & SPAN_MASK));
	if (!*is_new && (later == 0 || later > SPAN_MASK / 2))
		return false;
	p->n += *is_new;
	*slot = (struct fingerprint){ f.a, f.b | span };
	return true;
}

bool
dedup_add(struct dedup *s, struct fingerprint f, int64_t at)
{
	uint16_t span = span_of(s, at);
	bool is_new;

	if (add_to_span(s, f, span, &is_new))
		list_fresh(s, f, span);
	return is_new;
}

void
dedup_restore(struct dedup *s, struct fingerprint f, uint16_t span)
{
	bool is_new;

	(void)add_to_span(s, f, span, &is_new);
}

void
dedup_date_all(struct dedup *s, int64_t at)
{
	uint16_t span = span_of(s, at);
	struct fingerprint *slot;
	size_t i, j;

	s->fresh_n = 0;
	for (i = 0; s->parts != NULL && i < DEDUP_PARTS; i++) {
		for (j = 0; s->parts[i].slots != NULL && j <= s->parts[i].mask;
		     j++) {
			slot = &s->parts[i].slots[j];
			if (slot->a == 0)
				continue;
			slot->b = (slot->b & ~SPAN_MASK) | span;
			list_fresh(s,
			    (struct fingerprint){
				slot->a, slot->b & ~SPAN_MASK },
			    span);
		}
	}
}

void
dedup_expire(struct dedup *s, int64_t now)
{
	int64_t from = now - s->window_ms, ms = s->span_ms;
	size_t i;

	if (s->window_ms == 0 || now < s->until)
		return;
	s->until = from - (from % ms + ms) % ms + ms + s->window_ms;
	for (i = 0; s->parts != NULL && i < DEDUP_PARTS; i++)
		if (s->parts[i].slots != NULL)
			remove_before(&s->parts[i], span_of(s, from));
}

bool
dedup_span_is_over(const struct dedup *s, uint16_t span, int64_t now)
{
	uint16_t age = (uint16_t)(span_of(s, now - s->window_ms) - span);

	return s->window_ms > 0 && age > 0 && age <= UINT16_MAX / 2;
}
