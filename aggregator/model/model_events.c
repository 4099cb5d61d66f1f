/*
 * model_events: counts events by user and event name. An event is counted once
 * by its id; of two versions, the one with the greater (at, user, event)
 * counts. Events without a user are skipped.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include "aggregator/containers/id_order.h"
#include "common/containers/hash.h"

#define FIRST_SLOTS 64

/* The words of a slot of dedup_events; WORD_WHAT is user << 32 | event. */
enum { WORD_AT, WORD_WHAT, EVENT_WORDS };

/* Returns where the search for the pair begins. */
static size_t
first_event_slot(const struct model_private *p, uint32_t user, uint32_t event)
{
	uint64_t key = (uint64_t)user << 32 | event;

	return (size_t)hash_mix(key ^ HASH_K1, HASH_K2) & p->event_mask;
}

static size_t
find_event_slot(const struct model *m, uint32_t user, uint32_t event)
{
	const struct model_private *p = m->private;
	size_t i = first_event_slot(p, user, event);
	const struct event_count *e;

	for (; p->event_slots[i] != 0; i = (i + 1) & p->event_mask) {
		e = m->events[p->event_slots[i] - 1];
		if (e->user == user && e->event == event)
			break;
	}
	return i;
}

static void
grow_event_slots(const struct model *m, struct model_private *p)
{
	size_t i;

	p->event_mask =
	    (p->event_slots != NULL ? (p->event_mask + 1) * 2 : FIRST_SLOTS) -
	    1;
	free(p->event_slots);
	p->event_slots = xcalloc(p->event_mask + 1, sizeof *p->event_slots);
	for (i = 0; i < m->events_n; i++)
		p->event_slots[find_event_slot(m, m->events[i]->user,
		    m->events[i]->event)] = (uint32_t)i + 1;
}

static bool
is_counted_pair(const struct model *m, uint32_t user, uint32_t event)
{
	const uint32_t *slots = m->private->event_slots;

	return slots != NULL && slots[find_event_slot(m, user, event)] != 0;
}

struct event_count *
events_count(struct model *m, uint32_t user, uint32_t event)
{
	struct model_private *p = m->private;
	struct event_count *e;
	size_t i;

	if (p->event_slots == NULL || m->events_n * 2 > p->event_mask)
		grow_event_slots(m, p);
	i = find_event_slot(m, user, event);
	if (p->event_slots[i] != 0)
		return m->events[p->event_slots[i] - 1];
	e = arena_take(&p->event_counts, sizeof *e);
	e->user = user;
	e->event = event;
	interner_hold(&m->lexicon.names, user);
	interner_hold(&m->lexicon.names, event);
	XGROW(m->events, m->events_n, m->events_cap);
	m->events[m->events_n++] = e;
	p->event_slots[i] = (uint32_t)m->events_n;
	return e;
}

void
events_touch(struct model *m, struct event_count *e)
{
	struct model_changes *to = &m->changes;

	if (e->changed || !m->incremental)
		return;
	e->changed = true;
	XGROW(to->events, to->events_n, to->events_cap);
	to->events[to->events_n++] = e;
}

static void
adjust_event_count(struct model *m, uint32_t user, uint32_t event, bool more)
{
	struct event_count *e = events_count(m, user, event);

	e->count += more ? 1 : UINT64_MAX;
	events_touch(m, e);
}

/* True if the limit of pairs is not reached, or the pair is counted already. */
static bool
may_count(struct model *m, uint32_t user, uint32_t event)
{
	struct model_private *p = m->private;

	if (m->event_pairs == 0 || m->events_n < m->event_pairs ||
	    is_counted_pair(m, user, event))
		return true;
	if (!p->events_full)
		log_error(
		    "tenant '%s' has more pairs of user and event than "
		    "[aggregator] event_pairs = %zu; the rest is not counted",
		    m->tenant, m->event_pairs);
	p->events_full = true;
	return false;
}

/* Returns the span of an event's identity; an event without a time is as old as
 * the newest record, or as the first one that will have a time. */
static uint16_t
span_of(const struct model *m, int64_t at)
{
	if (at == CLOCK_NONE)
		at = m->as_of != CLOCK_NONE ? m->as_of : 0;
	return model_span(m, at);
}

/* user 0: the event is not counted. */
static void
list_fresh_event(struct model *m, struct fingerprint f, int64_t at,
    uint32_t user, uint32_t event)
{
	if (!m->incremental)
		return;
	identities_list_fresh(m, &(struct fresh_id){ .f = f,
				     .span = span_of(m, at),
				     .at = at,
				     .user = user,
				     .event = event });
	interner_hold(&m->lexicon.names, user);
	interner_hold(&m->lexicon.names, event);
}

void
events_rename(struct model *m, uint32_t from, uint32_t to)
{
	const struct dedup *known = &m->private->dedup_events;
	struct fingerprint f;
	const uint64_t *words;
	uint32_t user;
	size_t i = 0;

	if (known->n == 0)
		return;
	while ((words = dedup_next(known, &i, &f)) != NULL) {
		if (words[WORD_WHAT] == 0)
			continue;
		user = (uint32_t)(words[WORD_WHAT] >> 32);
		list_fresh_event(m, f, (int64_t)words[WORD_AT],
		    user == from ? to : user, (uint32_t)words[WORD_WHAT]);
	}
}

void
events_date(struct model *m)
{
	struct model_private *p = m->private;
	uint16_t span = model_span(m, m->as_of);
	size_t i;

	if (p->dedup_events.n == 0)
		return;
	for (i = 0; i < p->fresh_n; i++)
		p->fresh[i].span = span;
	dedup_date_all(&p->dedup_events, span);
	/* All identities are saved again. */
	events_rename(m, 0, 0);
}

/* Returns > 0 if the new version counts. */
static int
compare_versions(const struct interner *n, const uint64_t *words, int64_t at,
    uint32_t user, uint32_t event)
{
	int64_t old_at = (int64_t)words[WORD_AT];
	int c = (at > old_at) - (at < old_at);

	if (c == 0)
		c = interner_compare_bytes(
		    n, user, (uint32_t)(words[WORD_WHAT] >> 32));
	if (c == 0)
		c = interner_compare_bytes(
		    n, event, (uint32_t)words[WORD_WHAT]);
	return c;
}

enum model_result
events_put(struct model *m, struct fingerprint f, int64_t at, uint32_t user,
    uint32_t event)
{
	struct model_private *p = m->private;
	const struct interner *n = &m->lexicon.names;
	enum model_result result = MODEL_NEW;
	enum dedup_found found;
	uint64_t *words;

	if (p->dedup_events.width == 0)
		dedup_init(&p->dedup_events, m->seed, EVENT_WORDS);
	words = dedup_enter(&p->dedup_events, f, span_of(m, at), &found);
	if (found != DEDUP_NEW) {
		if (compare_versions(n, words, at, user, event) <= 0)
			return MODEL_DUPLICATE;
		if (words[WORD_WHAT] != 0)
			(void)adjust_event_count(m,
			    (uint32_t)(words[WORD_WHAT] >> 32),
			    (uint32_t)words[WORD_WHAT], false);
		result = MODEL_VERSION;
	}
	if (found == DEDUP_LATER)
		dedup_date(&p->dedup_events, f, span_of(m, at));
	words[WORD_AT] = (uint64_t)at;
	/* The count holds the names until the model is released. */
	words[WORD_WHAT] = 0;
	if (user == 0 || !may_count(m, user, event)) {
		list_fresh_event(m, f, at, 0, event);
		return result;
	}
	adjust_event_count(m, user, event, true);
	words[WORD_WHAT] = (uint64_t)user << 32 | event;
	list_fresh_event(m, f, at, user, event);
	return result;
}

void
events_restore(struct model *m, struct fingerprint f, uint16_t span, int64_t at,
    uint32_t user, uint32_t event)
{
	struct model_private *p = m->private;
	const struct interner *n = &m->lexicon.names;
	enum dedup_found found;
	uint64_t *words;
	int c = 1;

	if (p->dedup_events.width == 0)
		dedup_init(&p->dedup_events, m->seed, EVENT_WORDS);
	words = dedup_enter(&p->dedup_events, f, span, &found);
	if (found == DEDUP_LATER)
		dedup_date(&p->dedup_events, f, span);
	if (found != DEDUP_NEW)
		c = compare_versions(n, words, at, user, event);
	if (c <= 0)
		return;
	words[WORD_AT] = (uint64_t)at;
	words[WORD_WHAT] = 0;
	/* Counts are restored before identities. */
	if (user != 0 && is_counted_pair(m, user, event))
		words[WORD_WHAT] = (uint64_t)user << 32 | event;
}

struct fingerprint
events_fingerprint(struct model *m, struct text id)
{
	struct dedup *s = &m->private->dedup_events;

	if (s->width == 0)
		dedup_init(s, m->seed, EVENT_WORDS);
	return dedup_fingerprint(s, (struct text){ NULL, 0 }, id);
}

bool
model_knows_event(const struct model *m, struct text id)
{
	const struct dedup *s = &m->private->dedup_events;

	return s->width > 0 &&
	       dedup_find(s, dedup_fingerprint(s, (struct text){ NULL, 0 }, id),
		   span_of(m, CLOCK_NONE)) != DEDUP_NEW;
}

void
events_sort(const struct model *m, struct event_count **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], model_name(m, v[i]->user),
		    model_name(m, v[i]->event), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

void
events_free(struct model *m)
{
	struct model_private *p = m->private;

	arena_release(&p->event_counts);
	free(m->events);
	free(m->changes.events);
	free(p->event_slots);
	dedup_release(&p->dedup_events);
}

/* The pairs that came first are counted; their identities are in no particular
 * order. */
static void
copy_pairs(struct model *to, const struct model *from)
{
	struct interner *n = &to->lexicon.names;
	const struct event_count *e;
	uint32_t user, event;
	size_t i;

	for (i = 0; i < from->events_n; i++) {
		e = from->events[i];
		if (e->count == 0)
			continue;
		user = model_translate_name(to, from, e->user);
		event = model_translate_name(to, from, e->event);
		if (may_count(to, user, event))
			(void)events_count(to, user, event);
		interner_drop(n, user);
		interner_drop(n, event);
	}
}

void
events_copy(struct model *to, const struct model *from)
{
	const struct dedup *s = &from->private->dedup_events;
	struct interner *n = &to->lexicon.names;
	struct fingerprint f;
	const uint64_t *words;
	uint32_t user, event;
	size_t i = 0;

	copy_pairs(to, from);
	while ((words = dedup_next(s, &i, &f)) != NULL) {
		user = model_translate_name(
		    to, from, (uint32_t)(words[WORD_WHAT] >> 32));
		event =
		    model_translate_name(to, from, (uint32_t)words[WORD_WHAT]);
		(void)events_put(to, f, (int64_t)words[WORD_AT], user, event);
		interner_drop(n, user);
		interner_drop(n, event);
	}
}
