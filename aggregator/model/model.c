/*
 * model: see model.h. This file takes records: it decides whether a record is
 * late, gives it to what it is about (chat_change.h, operator_change.h), counts
 * events and coverage, and lets a snapshot correct what came before. Then it
 * derives every chat that has changed, and keeps the lists of what has changed
 * until model_clear_changed().
 */
#include "aggregator/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/random.h"

#include "aggregator/containers/id_order.h"
#include "aggregator/model/chat_change.h"
#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/drop_chats.h"
#include "aggregator/model/model_pack.h"
#include "aggregator/model/model_private.h"
#include "aggregator/model/operator_change.h"

/* Taking records. */

void
model_init(struct model *m, struct text tenant)
{
	memset(m, 0, sizeof *m);
	m->tenant = text_dup(tenant);
	m->as_of = m->now = m->present = m->since = CLOCK_NONE;
	m->snapshot_at = m->newest_snapshot_at = CLOCK_NONE;
	m->seed = random_64();
	m->totals.longest_wait = TALLY_NONE;
	lexicon_init(&m->lexicon);
	m->private = xcalloc(1, sizeof *m->private);
}

void
model_release(struct model *m)
{
	struct model_private *p = m->private;

	operators_release(m);
	coverage_release(&m->coverage);
	order_stats_release(&m->totals.waits);
	chats_release(m);
	arena_release(&p->arena);
	dedup_release(&p->events);
	strmap_release(&p->texts, free);
	free(p->sorting.merged);
	derive_scratch_release(&p->scratch);
	free(p);
	lexicon_release(&m->lexicon);
	free(m->tenant);
	memset(m, 0, sizeof *m);
}

/* In a snapshot, a chat without a time has the time at which the CRM was
 * asked. */
static int64_t
time_of(const struct model *m, const struct record *r)
{
	if (model_in_snapshot(m) && r->type == RECORD_CHAT &&
	    r->at == CLOCK_NONE)
		return m->snapshot_at;
	return model_record_time(r);
}

/* CLOCK_NONE is before every time. Events expire here, so the result does not
 * depend on when a flush happens. The tenant's first time is also that of
 * the events before it. */
static void
pass_time(struct model *m, int64_t at)
{
	bool first = m->as_of == CLOCK_NONE;

	if (at <= m->as_of)
		return;
	m->as_of = at;
	if (first)
		m->since = model_by_clock(m, at);
	if (first && m->incremental)
		dedup_date_all(identities_of(m), at);
	if (m->incremental)
		dedup_expire(identities_of(m), at);
}

/* The first event with an id counts, if it has a user. */
static enum model_result
add_event(struct model *m, const struct record *r)
{
	struct dedup *s = identities_of(m);
	int64_t at = r->at;

	if (m->no_events)
		return MODEL_SKIPPED;
	/* An event without a time is as old as the newest record, or as the
	 * first one that will have a time: see pass_time(). */
	if (at == CLOCK_NONE)
		at = m->as_of != CLOCK_NONE ? m->as_of : 0;
	if (!dedup_add(s, dedup_fingerprint(s, r->id), at))
		return MODEL_DUPLICATE;
	return r->user.p != NULL ? MODEL_NEW : MODEL_SKIPPED;
}

/* Counts begin with the first record that this model counts, which may be one
 * of the open snapshot. */
static enum model_result
add_coverage(struct model *m, const struct record *r)
{
	const char *counts = coverage_kinds[COVERAGE_COUNTS];
	int64_t begin = r->begin_at, first = m->since;

	/* There is a row for each day. */
	if (begin < r->end_at - COVERAGE_LONGEST_MS)
		begin = r->end_at - COVERAGE_LONGEST_MS;
	if (text_is(r->kind, counts)) {
		if (!m->incremental)
			return MODEL_SKIPPED;
		if (first == CLOCK_NONE)
			first = r->end_at;
		if (first > r->end_at)
			return MODEL_SKIPPED;
		if (begin < first)
			begin = first;
	}
	return coverage_add(&m->coverage, r->kind, r->source, begin, r->end_at)
		   ? MODEL_NEW
		   : MODEL_DUPLICATE;
}

/* True if it is older than the window. Other types have their effect at any
 * time. */
static bool
is_refused_as_late(const struct model *m, enum record_type type, int64_t at)
{
	return at != CLOCK_NONE && model_is_late(m, at) &&
	       (type == RECORD_MESSAGE || type == RECORD_EVENT ||
		   type == RECORD_CHAT || type == RECORD_OPERATOR);
}

enum model_result
model_add(struct model *m, const struct record *r)
{
	enum model_result result = MODEL_SKIPPED;
	int64_t at = time_of(m, r);
	struct chat *c = NULL;

	m->known_at = r->at;
	m->known_revision = 0;
	/* A record about a message is not itself a message and has no time. */
	if (r->type == RECORD_MESSAGE && r->about)
		return MODEL_SKIPPED;
	if (!model_in_snapshot(m) && is_refused_as_late(m, r->type, at))
		return MODEL_LATE;
	switch (r->type) {
	case RECORD_MESSAGE:
		if (!m->no_clocks)
			result = chat_take_message(m, r, &c);
		break;
	case RECORD_EVENT:
		result = add_event(m, r);
		break;
	case RECORD_OPERATOR:
		if (!m->no_clocks)
			result = operator_change(m, r);
		break;
	case RECORD_CHAT:
		if (!m->no_clocks)
			chat_take_record(m, r, at);
		result = MODEL_NEW;
		break;
	case RECORD_COVERAGE:
		result = add_coverage(m, r);
		break;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_ASSIGNMENT:
	case RECORD_LIMIT:
	case RECORD_NAME:
	case RECORD_NOTICE:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	/* The listener states coverage by its own clock. In a stream, only
	 * records of the CRM advance the time, or a CRM whose clock is behind
	 * would send nothing but late records. */
	if (!model_in_snapshot(m) &&
	    !(m->incremental && r->type == RECORD_COVERAGE))
		pass_time(m, at);
	/* A new message is the last of its chat. */
	if (c != NULL && result == MODEL_NEW && m->follower != NULL &&
	    !model_is_late(m, at))
		m->follower->message(
		    m->follower_ctx, m, c, &c->messages[c->n - 1], r->text);
	return result;
}

void
model_begin_snapshot(struct model *m, int64_t at)
{
	m->snapshot_at = at;
}

void
model_end_snapshot(struct model *m)
{
	int64_t at = m->snapshot_at, clock = clock_now_ms();

	operators_end_snapshot(m);
	if (at > m->newest_snapshot_at)
		m->newest_snapshot_at = at;
	m->ahead = at > clock ? at - clock : 0;
	chats_end_snapshot(m);
	m->snapshot_at = CLOCK_NONE;
	pass_time(m, at);
}

struct text
interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT])
{
	struct text none = { NULL, 0 }, empty = { "", 0 };

	if (i->running)
		return none;
	return i->by_record
		   ? empty
		   : message_id_text(&m->lexicon.message_ids, i->message, buf);
}

/* Deriving and listing what has changed. */

/* Prefetches the next chats before the i-th of n chats is derived. */
static void
prefetch_next(struct chat *const *v, size_t n, size_t i)
{
	const char *c;
	size_t line;

	if (i + 4 < n)
		for (c = (const char *)v[i + 4], line = 0; line < sizeof **v;
		     line += 64)
			__builtin_prefetch(c + line);
	if (i + 2 < n) {
		c = (const char *)v[i + 2]->messages;
		for (line = 0;
		     line < v[i + 2]->n * sizeof(struct message) && line < 1024;
		     line += 64)
			__builtin_prefetch(c + line);
		__builtin_prefetch(v[i + 2]->descriptions);
	}
}

static void
recompute_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		prefetch_next(x->chats, x->chats_n, i);
		c = x->chats[i];
		if (c->dirty && !c->gone)
			chat_recompute(m, c);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE)
		chats_expire(m);
}

static void
sort_chats(struct chat **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], chat_id(v[i]), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

static void
sort_operators(const struct model *m, struct operator_info **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], model_name(m, v[i]->id), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

/* For a model that is not incremental: its chats are in any order, and are
 * recomputed once. */
static void
recompute_all(struct model *m)
{
	size_t i;

	sort_chats(m->chats, m->chats_n);
	for (i = 0; i < m->chats_n; i++) {
		prefetch_next(m->chats, m->chats_n, i);
		messages_identify(m, m->chats[i]);
		descriptions_sort(m, m->chats[i]);
		chat_recompute(m, m->chats[i]);
	}
	sort_operators(m, m->operators, m->operators_n);
}

void
model_recompute(struct model *m)
{
	if (m->incremental)
		recompute_changed(m);
	else
		recompute_all(m);
	m->now = model_by_clock(m, m->as_of);
	if (m->now < m->since) /* the clock was set back */
		m->now = m->since;
	m->present = m->now;
	if (m->by_clock && m->now != CLOCK_NONE)
		m->present = model_by_clock(m, INT64_MAX);
	if (m->present < m->now)
		m->present = m->now;
	m->totals.longest_wait = credits_longest_wait(m, &m->totals.waits);
}

void
model_list_all(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++)
		touch_chat(m, m->chats[i], false);
	for (i = 0; i < m->operators_n; i++)
		touch_operator(m, m->operators[i]);
	m->changes.totals = true;
	coverage_mark_all(&m->coverage);
}

void
model_mark_waits(struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->waits.n > 0)
			touch_operator(m, m->operators[i]);
	m->changes.totals = true;
}

/* The next new chat reuses the memory of a freed one. */
void
model_clear_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		c = x->chats[i];
		c->listed = false;
		c->left = false;
		model_chat_packed(c);
		if (c->gone)
			chats_free(m, c);
	}
	for (i = 0; i < x->operators_n; i++) {
		x->operators[i]->changed = false;
		x->operators[i]->described = false;
	}
	x->chats_n = 0;
	x->operators_n = 0;
	x->totals = false;
	coverage_clear_marks(&m->coverage);
}
