/*
 * model: see model.h. This file takes records: it decides whether a record is
 * late, gives messages and descriptions to their chats (model_chats.c), keeps
 * the operators and the identities of events, and lets a snapshot correct what
 * came before. model_recompute.c derives the figures.
 *
 * Operators are found by their interned ids. The directory's name has priority
 * over a name from a message or from a record about the past.
 */
#include "aggregator/model/model_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"

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

static void
free_operators(struct model *m)
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

static void
release_derivation(struct derivation *w)
{
	free(w->descriptions);
	free(w->marks);
	key_set_release(&w->participants);
	free(w->intervals);
	free(w->timeline.merged);
}

void
model_release(struct model *m)
{
	struct model_private *p = m->private;

	free_operators(m);
	coverage_release(&m->coverage);
	order_stats_release(&m->totals.waits);
	chats_free_all(m);
	arena_release(&p->arena);
	dedup_release(&p->events);
	strmap_release(&p->texts, free);
	release_derivation(&p->derivation);
	free(p);
	lexicon_release(&m->lexicon);
	free(m->tenant);
	memset(m, 0, sizeof *m);
}

struct dedup *
model_events(const struct model *m)
{
	struct dedup *s = &m->private->events;

	if (!s->open) {
		dedup_init(s, m->seed, m->window);
		s->lists = m->incremental;
	}
	return s;
}

bool
model_remember(struct model *m, char what, const struct text *parts, size_t n)
{
	struct dedup *s = model_events(m);
	struct buf b = BUF_INIT;
	bool new;
	size_t i;

	/* The id of an event has no control characters. */
	buf_addc(&b, '\0');
	buf_addc(&b, what);
	for (i = 0; i < n; i++) {
		buf_addf(&b, "%zu", parts[i].p != NULL ? parts[i].len + 1 : 0);
		buf_addc(&b, '\0');
		if (parts[i].p != NULL)
			buf_add(&b, parts[i].p, parts[i].len);
	}
	new = dedup_add(s, dedup_fingerprint(s, (struct text){ b.data, b.len }),
	    m->as_of != CLOCK_NONE ? m->as_of : 0);
	buf_release(&b);
	return new;
}

/* Lists the chat in the snapshot before its first record there. */
static void
list_in_snapshot(struct model *m, struct chat *c)
{
	if (c->listed_at >= m->snapshot_at)
		return;
	model_recompute_before(m, c, NULL);
	c->listed_at = m->snapshot_at;
	chats_touch(m, c, true);
}

/* Returns the chat of the record, with its messages. */
static struct chat *
get_chat(struct model *m, const struct record *r)
{
	struct chat *c = chats_get(m, r->chat);

	model_load_chat(m, c);
	if (model_in_snapshot(m))
		list_in_snapshot(m, c);
	return c;
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

static enum model_result
add_chat(struct model *m, const struct record *r)
{
	struct interner *n = &m->lexicon.names;
	struct description d = { .next = NULL };
	struct chat *c;

	if (m->no_clocks)
		return MODEL_NEW;
	c = get_chat(m, r);
	d.at = time_of(m, r);
	if (d.at == CLOCK_NONE)
		d.at = m->as_of;
	d.opened_at = r->opened_at;
	d.status = r->status;
	d.closed_at = CLOCK_NONE;
	if (r->status == CHAT_CLOSED)
		d.closed_at = r->closed_at != CLOCK_NONE ? r->closed_at : d.at;
	d.assignee = interner_get(n, r->operator_id);
	d.channel = interner_get(n, r->channel);
	d.customer = interner_get(n, r->customer);
	d.customer_name = interner_get(n, r->customer_name);
	d.customer_phone = interner_get(n, r->customer_phone);
	d.tag = interner_get(n, r->tag);
	d.tags = interner_get(n, r->tags);
	/* Its first messages are probably from the assignee and the
	 * customer. */
	if (c->name_hints[0] == 0)
		c->name_hints[0] = d.customer;
	if (c->name_hints[1] == 0)
		c->name_hints[1] = d.assignee;
	model_recompute_before(m, c, &d);
	chats_add_description(m, c, &d);
	chats_touch(m, c, true);
	return MODEL_NEW;
}

/* A text is kept for each version of a message: updated, chat, id. */
#define TEXT_KEY (MESSAGE_ID_TEXT + 8 + RECORD_MAX_ID + 1)

static size_t
text_key(char key[TEXT_KEY], struct text chat, struct text id, int64_t updated)
{
	memcpy(key, &updated, 8);
	memcpy(key + 8, chat.p, chat.len);
	key[8 + chat.len] = '\0';
	memcpy(key + 9 + chat.len, id.p, id.len);
	return 9 + chat.len + id.len;
}

static void
keep_text(struct model *m, const struct record *r)
{
	char key[TEXT_KEY];
	size_t len = text_key(key, r->chat, r->id, r->updated_at);
	void **slot = strmap_put(&m->private->texts, key, len);
	char *text = text_dup(r->text);

	free(*slot);
	*slot = text;
}

struct text
model_text(
    const struct model *m, const struct chat *c, const struct message *message)
{
	char key[TEXT_KEY], buf[MESSAGE_ID_TEXT];
	struct text t,
	    id = message_id_text(&m->lexicon.message_ids, message->id, buf);

	t.p = strmap_get(&m->private->texts, key,
	    text_key(key, chat_id(c), id, message_updated_at(message)));
	t.len = t.p != NULL ? strlen(t.p) : 0;
	return t;
}

/* Sets *to to the message's chat, unless the model has no chats. */
static enum model_result
add_message(struct model *m, const struct record *r, struct chat **to)
{
	struct message new;
	struct chat *c;

	if (m->no_clocks)
		return MODEL_SKIPPED;
	if (r->text.p != NULL && m->text_of != NULL &&
	    text_is(r->chat, m->text_of))
		keep_text(m, r);
	c = *to = get_chat(m, r);
	message_read(&m->lexicon, &new, r, c->name_hints);
	return chats_add_message(m, c, &new);
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
		dedup_date_all(model_events(m), at);
	if (m->incremental)
		dedup_expire(model_events(m), at);
}

/* The first event with an id counts, if it has a user. */
static enum model_result
add_event(struct model *m, const struct record *r)
{
	struct dedup *s = model_events(m);
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

/* Lists the operator as changed by a record or snapshot. */
static void
describe_operator(struct model *m, struct operator_info *o)
{
	o->described = true;
	model_operators_touch(m, o);
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
	return !model_remember(m, 'o', parts, ARRAY_LEN(parts)) &&
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

/* Of two records about an operator, the one with the later `at` counts; a
 * record without `at` counts as the latest. For availability, available_at
 * counts instead, if given: a list may be minutes older than a webhook's
 * report. The records of a snapshot count as of its time. */
static enum model_result
add_operator(struct model *m, const struct record *r)
{
	const bool in_snapshot = model_in_snapshot(m);
	const int64_t at = in_snapshot ? m->snapshot_at : r->at;
	struct interner *n = &m->lexicon.names;
	uint32_t id = interner_get(n, r->operator_id), old;
	struct operator_info *o = model_operators_get(m, id);
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
		result = add_message(m, r, &c);
		break;
	case RECORD_EVENT:
		result = add_event(m, r);
		break;
	case RECORD_OPERATOR:
		if (!m->no_clocks)
			result = add_operator(m, r);
		break;
	case RECORD_CHAT:
		result = add_chat(m, r);
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

/* Marks chats that are not in the snapshot to be recomputed. A chat with a
 * record newer than the snapshot will not change. */
static void
touch_missing_chats(struct model *m)
{
	int64_t at = m->snapshot_at;
	struct chat *c;
	size_t i;

	if (at > m->newest_snapshot_at)
		m->newest_snapshot_at = at;
	m->ahead = at > clock_now_ms() ? at - clock_now_ms() : 0;
	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (c->gone || c->listed_at >= at ||
		    (!c->dirty && status_is_over(c->now.status)))
			continue;
		model_load_chat(m, c);
		chats_touch(m, c, true);
	}
}

void
model_end_snapshot(struct model *m)
{
	int64_t at = m->snapshot_at;
	struct operator_info *o;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		o = m->operators[i];
		if (o->listed && !o->in_snapshot)
			unlist_operator(m, o);
		o->in_snapshot = false;
	}
	touch_missing_chats(m);
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

struct text
operator_name(const struct model *m, const struct operator_info *o)
{
	struct text none = { NULL, 0 };

	return o->listed && o->nameless ? none : model_name(m, o->name);
}
