/*
 * operator_change: see operator_change.h.
 */
#include "aggregator/model/operator_change.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_private.h"

struct operator_info *
operators_get(struct model *m, uint32_t id)
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
operators_release(struct model *m)
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

/* Lists the operator as changed by a record or snapshot. */
static void
describe_operator(struct model *m, struct operator_info *o)
{
	o->described = true;
	touch_operator(m, o);
}

static void
set_listed(struct model *m, struct operator_info *o, bool listed)
{
	if (o->listed != listed) {
		m->totals.operators += listed ? 1 : SIZE_MAX;
		m->changes.totals = true;
	}
	o->listed = listed;
	describe_operator(m, o);
}

/* Sets whether the operator is available (has: known), as of that time or, with
 * CLOCK_NONE, now. The later of two times counts. */
static void
set_available(struct operator_info *o, bool has, bool available, int64_t at)
{
	if (has && at != CLOCK_NONE && at < o->available_at)
		return;
	o->has_available = has;
	o->available = available;
	if (at != CLOCK_NONE || !has)
		o->available_at = has ? at : CLOCK_NONE;
}

static void
read_available(struct operator_info *o, const struct record *r, int64_t at)
{
	set_available(o, r->has_available, r->available,
	    r->available_at != CLOCK_NONE ? r->available_at : at);
}

/* Handles a record older than the current one, which may be redelivered. Only
 * the availability has its own time. */
static enum model_result
add_older_record(struct model *m, struct operator_info *o,
    const struct record *r, int64_t at)
{
	if (!o->listed || !r->has_available)
		return MODEL_DUPLICATE;
	read_available(o, r, at);
	describe_operator(m, o);
	return MODEL_NEW;
}

/* True for a record without a time that was delivered again after a snapshot,
 * which has corrected it. */
static bool
is_corrected(
    struct model *m, const struct operator_info *o, const struct record *r)
{
	struct text parts[] = { r->operator_id, r->name, r->tags, { NULL, 0 } };
	char numbers[96];

	if (r->at != CLOCK_NONE || r->stale || model_in_snapshot(m))
		return false;
	(void)snprintf(numbers, sizeof numbers, "%d %d %lld %lld %lld",
	    r->has_available, r->available, (long long)r->available_at,
	    (long long)r->reported_open_chats, (long long)r->max_chats);
	parts[3] = text_from(numbers);
	return !remember_arrival(m, 'o', parts, ARRAY_LEN(parts)) &&
	       o->by_snapshot;
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

enum model_result
operator_change(struct model *m, const struct record *r)
{
	const bool in_snapshot = model_in_snapshot(m);
	const int64_t at = in_snapshot ? m->snapshot_at : r->at;
	struct interner *n = &m->lexicon.names;
	uint32_t id = interner_get(n, r->operator_id), old;
	struct operator_info *o = operators_get(m, id);
	bool named = false;

	interner_drop(n, id);
	/* It has only the name, and the directory's name has priority. */
	if (r->stale && (in_snapshot ? o->in_snapshot : o->listed))
		return MODEL_NEW;
	if (is_corrected(m, o, r))
		return MODEL_DUPLICATE;
	if (!r->stale)
		o->in_snapshot = in_snapshot;
	if (at != CLOCK_NONE && at < o->at && !r->stale)
		return add_older_record(m, o, r, at);
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
			describe_operator(m, o);
		return MODEL_NEW;
	}
	if (at > o->at)
		o->at = at;
	o->nameless = r->name.p == NULL && in_snapshot;
	if (r->has_available || in_snapshot)
		read_available(o, r, at);
	if (r->reported_open_chats != RECORD_NO_NUMBER || in_snapshot)
		o->reported_open_chats = r->reported_open_chats;
	set_capacity(m, o, r);
	o->by_snapshot = in_snapshot;
	set_listed(m, o, true);
	return MODEL_NEW;
}

/* Only the name of an operator who has left the directory is kept. A record
 * that is newer than the snapshot stays. */
static void
unlist_operator(struct model *m, struct operator_info *o)
{
	if (m->snapshot_at < o->at)
		return;
	o->at = m->snapshot_at;
	o->by_snapshot = true;
	set_available(o, false, false, CLOCK_NONE);
	o->reported_open_chats = RECORD_NO_NUMBER;
	set_listed(m, o, false);
}

void
operators_end_snapshot(struct model *m)
{
	struct operator_info *o;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		o = m->operators[i];
		if (o->listed && !o->in_snapshot)
			unlist_operator(m, o);
		o->in_snapshot = false;
	}
}

struct text
operator_name(const struct model *m, const struct operator_info *o)
{
	struct text none = { NULL, 0 };

	return o->listed && o->nameless ? none : model_name(m, o->name);
}
