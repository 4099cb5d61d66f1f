/*
 * model_derive: derives a chat from its records: its state, its present
 * episode, the intervals of all its episodes, and which messages may be
 * dropped. The result does not depend on the order in which the records came.
 * A chat is derived from nothing but its own records and the names.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* What one walk collects, besides what the derivation has. */
struct collector {
	struct derivation *work;
	struct chat *chat;
	const struct model_walker *told; /* NULL: nobody */
	bool all;                        /* intervals of past episodes, too */
	int64_t limit;  /* older messages may be dropped; INT64_MIN: none */
	size_t n;       /* intervals */
	size_t present; /* the first interval of the present episode */
	size_t walked;  /* messages */
	/* After the message walked over last. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known, assignee_recorded;
	enum episode_state episode;
	struct droppable old;
};

/* Messages and intervals before it do not count. */
static void
start_episode(struct collector *k)
{
	k->chat->last_message_at = CLOCK_NONE;
	k->chat->messages_counted = 0;
	key_set_empty(&k->work->participants);
	if (!k->all)
		k->n = 0;
	k->present = k->n;
}

/* All that was walked over belongs to past episodes. */
static void
collect_episode(void *ctx, int64_t ended_at)
{
	struct collector *k = ctx;
	int64_t limit = k->limit;

	start_episode(k);
	/* The first chat record may still come and set the assignee of up to
	 * `memory` ms before it. */
	if (!k->assignee_recorded && limit != INT64_MIN)
		limit -= k->work->model->memory;
	if (k->walked == 0 || k->last_at >= limit || ended_at >= limit)
		return;
	k->old.messages = k->walked;
	k->old.intervals = k->n;
	k->old.assignee = k->assignee;
	k->old.assignee_known = k->assignee_known;
	k->old.episode = k->episode;
}

/* A past life may be dropped when no record can come any more that would join
 * it with the next one. */
static void
end_life(struct collector *k, size_t life)
{
	int64_t at = lives_last_at(k->work, k->chat, life);

	start_episode(k);
	if (k->limit == INT64_MIN || at >= k->limit - k->work->model->memory)
		return;
	k->old = (struct droppable){ .messages = k->walked,
		.intervals = k->n,
		.lives = life + 1,
		.at = at };
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;
	struct derivation *w = k->work;

	if (i->running || (!k->all && i->kind != INTERVAL_FIRST_RESPONSE &&
			      i->kind != INTERVAL_REPLY))
		return;
	XGROW(w->intervals, k->n, w->intervals_cap);
	w->intervals[k->n++] = *i;
}

static void
collect_message(void *ctx, const struct clocks *clocks, const struct message *m,
    enum event_kind kind)
{
	struct collector *k = ctx;
	struct chat *c = k->chat;

	k->walked++;
	k->last_at = m->at;
	k->assignee = clocks->assignee;
	k->assignee_known = clocks->assignee_known;
	k->assignee_recorded = clocks->assignee_recorded;
	k->episode = clocks->episode;
	if (kind != EVENT_CUSTOMER_WRITES && kind != EVENT_HUMAN_ANSWERS &&
	    kind != EVENT_BOT_ANSWERS)
		return;
	c->messages_counted++;
	c->last_message_at = m->at;
	(void)key_set_add(&k->work->participants, message_participant(m));
	if (k->told != NULL)
		k->told->ops->message(k->told->ctx, k->work->model, m);
}

/* Walks over the lives of the chat. Sets its derived counts, and the intervals
 * of the derivation. */
static void
walk_chat(struct collector *k, struct derivation *w, struct chat *c,
    const struct model_walker *told)
{
	const struct model *m = w->model;
	struct clocks_listener listener = { .ctx = k,
		.on_interval = collect_interval,
		.on_message = collect_message,
		.on_episode = collect_episode };
	size_t lives = w->lives_n, i;
	/* A chat that is not open has no wait. */
	struct clocks end = { .w = CLOCK_NONE };
	struct clocks_chat view;

	memset(k, 0, sizeof *k);
	k->work = w;
	k->chat = c;
	k->told = told;
	k->all =
	    m->incremental || m->on_interval != NULL || m->walker.ops != NULL;
	k->limit = INT64_MIN;
	if (m->incremental && m->window > 0 && m->as_of != CLOCK_NONE)
		k->limit = m->as_of - m->window;
	start_episode(k);
	if (told != NULL)
		told->ops->begin(told->ctx, c);
	for (i = k->all ? 0 : lives - 1; i < lives; i++) {
		if (!chat_is_open(c) && !k->all)
			break;
		view = lives_view(w, c, i);
		clocks_walk(m->definition, &view, &listener, &end);
		if (i + 1 < lives)
			end_life(k, i);
	}
	if (end.closed)
		collect_episode(k, end.ended_at);
	else if (!chat_is_open(c))
		start_episode(k);
	c->participants = w->participants.n;
	c->waiting_since = chat_is_open(c) ? end.w : CLOCK_NONE;
}

/* Finds the responses of the present episode among the intervals; returns how
 * many credits the derivation has. */
static size_t
find_credits(struct collector *k)
{
	struct derivation *w = k->work;
	struct chat *c = k->chat;
	const struct interval *v = w->intervals;
	struct credit *to;
	size_t i, n = 0;

	memset(&c->responses, 0, sizeof c->responses);
	c->first_response = TALLY_NONE;
	c->skewed = 0;
	for (i = k->present; chat_is_open(c) && i < k->n; i++) {
		if (v[i].kind != INTERVAL_FIRST_RESPONSE &&
		    v[i].kind != INTERVAL_REPLY)
			continue;
		tally_add(&c->responses, v[i].ms);
		c->skewed += v[i].skewed;
		if (v[i].kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = v[i].ms;
		XGROW(w->credits, n, w->credits_cap);
		to = &w->credits[n++];
		to->ms = v[i].ms;
		to->operator_id = v[i].operator_id;
		to->first = v[i].kind == INTERVAL_FIRST_RESPONSE;
		to->skewed = v[i].skewed;
	}
	return n;
}

static void
sort_messages(struct derivation *w, struct chat *c)
{
	const struct model *m = w->model;
	size_t first;

	if (!m->incremental && !m->dedup_on_add) {
		c->n = (uint32_t)timeline_normalize(
		    &m->lexicon, &w->timeline, c->messages, c->n);
		return;
	}
	first = timeline_sort(&w->timeline, c->messages, c->n, c->sorted);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->sorted < c->clean)
		c->clean = c->sorted;
	c->sorted = c->n;
}

struct derived
derive_walk(struct derivation *w, struct chat *c)
{
	struct collector k;

	lives_find(w, c);
	walk_chat(&k, w, c, NULL);
	return (struct derived){ .intervals = k.n, .old = k.old };
}

struct derived
derive_chat(struct derivation *w, struct chat *c)
{
	const struct model_walker *told = &w->model->walker;
	struct collector k;
	size_t credits;

	sort_messages(w, c);
	chats_sort_descriptions(w->model, c);
	lives_find(w, c);
	lives_set_state(w, c);
	if (told->ops == NULL)
		told = NULL;
	walk_chat(&k, w, c, told);
	credits = find_credits(&k);
	if (told != NULL)
		told->ops->end(told->ctx, c);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	c->dirty = false;
	return (struct derived){ k.n, credits, k.old };
}

void
derive_prefetch(struct chat *const *v, size_t n, size_t i)
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

void
derivation_release(struct derivation *w)
{
	free(w->descriptions);
	free(w->lives);
	free(w->marks);
	key_set_release(&w->participants);
	free(w->intervals);
	free(w->credits);
	timeline_release(&w->timeline);
}
