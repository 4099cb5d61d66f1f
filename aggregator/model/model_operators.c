/*
 * model_operators: the operators of a model, found by their interned ids, and
 * which of several records about an operator counts. The directory's name has
 * priority over a name from a message or from a record about the past.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#include "aggregator/containers/id_order.h"

struct operator_info *
model_operators_get(struct model *m, uint32_t id)
{
	struct name *name = interner_at(&m->lexicon.names, id);
	struct operator_info *o = name->operator_info;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof *o);
	o->id = id;
	o->reported_open_chats = o->max_chats = RECORD_NO_NUMBER;
	o->at = o->available_at = CLOCK_NONE;
	interner_hold(&m->lexicon.names, id);
	XGROW(m->operators, m->operators_n, m->operators_cap);
	m->operators[m->operators_n++] = o;
	name->operator_info = o;
	return o;
}

void
model_operators_touch(struct model *m, struct operator_info *o)
{
	struct model_changes *to = &m->changes;

	if (o->changed || !m->incremental)
		return;
	o->changed = true;
	XGROW(to->operators, to->operators_n, to->operators_cap);
	to->operators[to->operators_n++] = o;
}

void
model_operators_set_listed(
    struct model *m, struct operator_info *o, bool listed)
{
	if (o->listed != listed) {
		m->totals.operators += listed ? 1 : SIZE_MAX;
		m->changes.totals = true;
	}
	o->listed = listed;
	o->described = true;
	model_operators_touch(m, o);
}

void
model_operators_set_available(
    struct operator_info *o, bool has, bool available, int64_t at)
{
	if (has && at != CLOCK_NONE && at < o->available_at)
		return;
	o->has_available = has;
	o->available = available;
	o->available_at = has ? at : CLOCK_NONE;
}

/* Handles a record older than the current one, which may be redelivered. Only
 * the availability has its own time. */
static bool
add_older_record(
    struct model *m, struct operator_info *o, const struct record *r)
{
	if (!o->listed || !r->has_available)
		return false;
	model_operators_set_available(
	    o, r->has_available, r->available, r->available_at);
	model_operators_touch(m, o);
	return true;
}

static void
set_capacity(struct model *m, struct operator_info *o, const struct record *r)
{
	struct interner *n = &m->lexicon.names;

	if (r->max_chats != RECORD_NO_NUMBER || model_in_snapshot(m))
		o->max_chats = r->max_chats;
	if (r->tags.p == NULL && !model_in_snapshot(m))
		return;
	interner_drop(n, o->tags);
	o->tags = interner_get(n, r->tags);
}

/* Of two records about an operator, the one with the later `at` counts; a
 * record without `at` counts as the latest. For availability, the later time
 * counts: a list may be minutes older than a webhook's report. The records of a
 * snapshot count as of its time. */
bool
model_operators_add(struct model *m, const struct record *r)
{
	const bool in_snapshot = model_in_snapshot(m);
	const int64_t at = in_snapshot ? m->snapshot_at : r->at;
	struct interner *n = &m->lexicon.names;
	uint32_t id = interner_get(n, r->operator_id), old;
	struct operator_info *o = model_operators_get(m, id);
	bool named = false;

	interner_drop(n, id);
	o->described = true;
	/* It has only the name, and the directory's name has priority. */
	if (r->stale && (in_snapshot ? o->in_snapshot : o->listed))
		return true;
	if (!in_snapshot && at != CLOCK_NONE && at < o->at && !r->stale)
		return add_older_record(m, o, r);
	if (at > o->at)
		o->at = at;
	/* Outside a snapshot an absent field keeps its value. */
	if (r->name.p != NULL) {
		old = o->name;
		o->name = interner_get(n, r->name);
		named = o->name != old;
		interner_drop(n, old);
	}
	if (r->stale) {
		/* Webhooks repeat a name many times. */
		if (named)
			model_operators_touch(m, o);
		return true;
	}
	o->nameless = r->name.p == NULL && in_snapshot;
	if (r->has_available || in_snapshot)
		model_operators_set_available(
		    o, r->has_available, r->available, r->available_at);
	if (r->reported_open_chats != RECORD_NO_NUMBER || in_snapshot)
		o->reported_open_chats = r->reported_open_chats;
	set_capacity(m, o, r);
	o->in_snapshot = in_snapshot;
	model_operators_set_listed(m, o, true);
	return true;
}

struct text
operator_id(const struct model *m, const struct operator_info *o)
{
	return model_name(m, o->id);
}

struct text
operator_name(const struct model *m, const struct operator_info *o)
{
	struct text none = { NULL, 0 };

	return o->listed && o->nameless ? none : model_name(m, o->name);
}

void
model_operators_sort(const struct model *m, struct operator_info **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], operator_id(m, v[i]), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

void
model_operators_free(struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		order_stats_release(&m->operators[i]->responses);
		order_stats_release(&m->operators[i]->waits);
		free(m->operators[i]);
	}
	free(m->operators);
	free(m->changes.operators);
}
