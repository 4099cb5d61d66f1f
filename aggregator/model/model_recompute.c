/*
 * model_recompute: derives from the records what the metrics read: the state
 * and the present episode of each changed chat, the intervals of all its
 * episodes, and which messages may be dropped. The result does not depend on
 * the order in which the records came.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

#include "aggregator/containers/id_order.h"

/* What one walk collects. Its lists are scratch of the model. */
struct collector {
	struct model *model;
	struct chat *chat;
	bool all;       /* intervals of past episodes, too */
	int64_t limit;  /* older messages may be dropped; INT64_MIN: none */
	size_t n;       /* intervals */
	size_t present; /* the first interval of the present episode */
	size_t walked;  /* messages */
	/* After the message walked over last. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known, assignee_recorded;
	enum episode_state episode;
	/* What may be dropped: past episodes before the limit, past lives. */
	struct droppable {
		size_t messages, intervals, lives;
		int64_t at;
		uint32_t assignee;
		bool assignee_known;
		enum episode_state episode;
	} old;
};

/* Messages and intervals before it do not count. */
static void
start_episode(struct collector *k)
{
	k->chat->last_message_at = CLOCK_NONE;
	k->chat->messages_counted = 0;
	participants_empty(&k->model->private->participants);
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
		limit -= k->model->memory;
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
	int64_t at = lives_last_at(k->model, k->chat, life);

	start_episode(k);
	if (k->limit == INT64_MIN || at >= k->limit - k->model->memory)
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
	struct model_private *p = k->model->private;

	if (i->running || (!k->all && i->kind != INTERVAL_FIRST_RESPONSE &&
			      i->kind != INTERVAL_REPLY))
		return;
	XGROW(p->intervals, k->n, p->intervals_cap);
	p->intervals[k->n++] = *i;
}

static void
collect_message(void *ctx, const struct clocks *clocks, const struct message *m,
    enum event_kind kind)
{
	struct collector *k = ctx;
	struct chat *c = k->chat;
	uint32_t user = m->user;

	k->walked++;
	k->last_at = m->at;
	k->assignee = clocks->assignee;
	k->assignee_known = clocks->assignee_known;
	k->assignee_recorded = clocks->assignee_recorded;
	k->episode = clocks_episode_state(clocks);
	if (kind != EVENT_CUSTOMER_WRITES && kind != EVENT_HUMAN_ANSWERS &&
	    kind != EVENT_BOT_ANSWERS)
		return;
	c->messages_counted++;
	c->last_message_at = m->at;
	if (user == 0 && m->from == FROM_OPERATOR)
		user = m->operator_id;
	participants_add(
	    &k->model->private->participants, (uint64_t)user << 3 | m->from);
}

/* Walks over the lives of the chat. Sets its derived counts, and the intervals
 * in the model's scratch. */
static void
walk_chat(struct collector *k, struct model *m, struct chat *c)
{
	struct clocks_listener listener = { .ctx = k,
		.on_interval = collect_interval,
		.on_message = collect_message,
		.on_episode = collect_episode };
	size_t lives = m->private->lives_n, i;
	/* A chat that is not open has no wait. */
	struct clocks end = { .w = CLOCK_NONE };
	struct clocks_chat view;

	memset(k, 0, sizeof *k);
	k->model = m;
	k->chat = c;
	k->all = m->incremental || m->on_interval != NULL;
	k->limit = INT64_MIN;
	if (m->incremental && m->window > 0 && m->as_of != CLOCK_NONE)
		k->limit = m->as_of - m->window;
	start_episode(k);
	for (i = k->all ? 0 : lives - 1; i < lives; i++) {
		if (!chat_is_open(c) && !k->all)
			break;
		view = lives_view(m, c, i);
		clocks_walk(m->rules, &view, &listener, &end);
		if (i + 1 < lives)
			end_life(k, i);
	}
	if (end.closed)
		collect_episode(k, end.ended_at);
	else if (!chat_is_open(c))
		start_episode(k);
	c->participants = m->private->participants.n;
	c->waiting_since = chat_is_open(c) ? end.w : CLOCK_NONE;
}

/* Finds the responses of the present episode among the intervals; returns how
 * many credits are in the model's scratch. */
static size_t
find_credits(struct collector *k)
{
	struct model_private *p = k->model->private;
	struct chat *c = k->chat;
	const struct interval *v = p->intervals;
	struct credit *to;
	size_t i, n = 0;

	memset(&c->responses, 0, sizeof c->responses);
	c->first_response = STATS_NONE;
	c->skewed = 0;
	for (i = k->present; chat_is_open(c) && i < k->n; i++) {
		if (v[i].kind != INTERVAL_FIRST_RESPONSE &&
		    v[i].kind != INTERVAL_REPLY)
			continue;
		tally_add(&c->responses, v[i].ms);
		c->skewed += v[i].skewed;
		if (v[i].kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = v[i].ms;
		XGROW(p->credits, n, p->credits_cap);
		to = &p->credits[n++];
		to->ms = v[i].ms;
		to->operator_id = v[i].operator_id;
		to->first = v[i].kind == INTERVAL_FIRST_RESPONSE;
		to->skewed = v[i].skewed;
	}
	return n;
}

/* Past lives leave the time of their last record alone. Returns how many
 * messages they had. */
static size_t
drop_lives(struct collector *k)
{
	struct model *m = k->model;
	struct chat *c = k->chat;
	struct dropped_history *f = &c->dropped;
	struct life next = m->private->lives[k->old.lives];

	chats_drop_descriptions(m, c, next.description);
	chats_drop_messages(m, c, next.message);
	interner_drop(&m->lexicon.names, f->assignee);
	*f = (struct dropped_history){ .at = k->old.at,
		.status_at = k->old.at,
		.assignee_at = CLOCK_NONE,
		.status = CHAT_GONE };
	return next.message;
}

/* Past episodes of the present life leave their status and assignee. */
static void
drop_episodes(struct collector *k, size_t messages)
{
	struct model *m = k->model;
	struct chat *c = k->chat;
	struct dropped_history *f = &c->dropped;

	/* They replace what the lives before left. */
	if (k->old.lives > 0)
		*f = (struct dropped_history){ .at = CLOCK_NONE,
			.status_at = CLOCK_NONE,
			.assignee_at = CLOCK_NONE };
	lives_drop_messages(m, c, messages);
	interner_hold(&m->lexicon.names, k->old.assignee);
	interner_drop(&m->lexicon.names, f->assignee);
	f->assignee = k->old.assignee;
	f->assignee_at = k->old.assignee_known ? f->at : CLOCK_NONE;
	f->episode = (uint8_t)k->old.episode;
}

/* Drops what is older than the window and was reported. */
static void
trim_chat(struct collector *k)
{
	size_t of_lives = 0;

	if (k->old.lives > 0)
		of_lives = drop_lives(k);
	if (k->old.messages > of_lives)
		drop_episodes(k, k->old.messages - of_lives);
	if (k->old.messages == 0)
		return;
	chat_intervals_drop(k->model, k->chat, k->old.intervals);
	k->chat->sorted = k->chat->n;
	k->chat->clean = 0;
}

static void
sort_messages(struct model *m, struct chat *c)
{
	size_t first;

	if (!m->incremental && !m->dedup_on_add) {
		c->n = (uint32_t)timeline_normalize(
		    &m->lexicon, c->messages, c->n);
		return;
	}
	first = timeline_sort(&m->lexicon, c->messages, c->n, c->sorted);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->sorted < c->clean)
		c->clean = c->sorted;
	c->sorted = c->n;
}

static void
recompute_chat(struct model *m, struct chat *c)
{
	struct collector k;

	sort_messages(m, c);
	lives_find(m, c);
	lives_set_state(m, c);
	walk_chat(&k, m, c);
	credit_chat(m, c, m->private->credits, find_credits(&k));
	chat_intervals_report(m, c, k.n);
	credit_open(m, c);
	trim_chat(&k);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	c->dirty = false;
	chats_queue_expiry(m, c);
}

static void
recompute_reported(struct model *m, struct chat *c)
{
	struct collector k;

	if (m->on_interval == NULL)
		return;
	lives_find(m, c);
	walk_chat(&k, m, c);
	chat_intervals_save(m, c, m->private->intervals, k.n);
}

void
chats_load(struct model *m, struct chat *c)
{
	if (c->loaded)
		return;
	if (m->fetch == NULL || m->rules == NULL)
		prog_die(PROG_SOFTWARE, "nobody fetches a chat's messages");
	c->loaded = true;
	m->fetch(m->ctx, m, c);
	c->sorted = c->n;
	c->clean = c->n;
	recompute_reported(m, c);
}

void
recompute_gone(struct model *m, struct chat *c)
{
	chats_touch(m, c, false);
	c->gone = true;
	c->dirty = false;
	c->left |= c->shown;
	c->shown = false;
	c->waiting_since = CLOCK_NONE;
	credit_chat(m, c, NULL, 0);
	credit_open(m, c);
}

/* Prefetches the chats that come next, and their messages. */
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

/* A chat that is over loses its messages when it had no record for a window,
 * and is freed `memory` ms later: until then a record that is not late may
 * still belong to its last life. */
static void
expire_chats(struct model *m)
{
	int64_t limit = m->as_of - m->window;
	struct chat *c;

	while ((c = chats_next_expired(m, limit)) != NULL) {
		if (c->trimmed) {
			recompute_gone(m, c);
			continue;
		}
		c->trimmed = true;
		if (c->loaded && c->n > 0) {
			chats_touch(m, c, false);
			recompute_chat(m, c);
		} else {
			chats_queue_expiry(m, c);
		}
	}
}

static void
recompute_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		prefetch_next(x->chats, x->chats_n, i);
		if (x->chats[i]->dirty && !x->chats[i]->gone)
			recompute_chat(m, x->chats[i]);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE) {
		expire_chats(m);
		identities_expire(m);
	}
	chats_sort(x->chats, x->chats_n);
	model_operators_sort(m, x->operators, x->operators_n);
	events_sort(m, x->events, x->events_n);
}

void
model_recompute(struct model *m, const struct rules *rules)
{
	size_t i;

	m->rules = rules;
	pending_flush(m);
	if (m->incremental) {
		recompute_changed(m);
	} else {
		chats_sort(m->chats, m->chats_n);
		for (i = 0; i < m->chats_n; i++) {
			prefetch_next(m->chats, m->chats_n, i);
			recompute_chat(m, m->chats[i]);
		}
		model_operators_sort(m, m->operators, m->operators_n);
		events_sort(m, m->events, m->events_n);
	}
	credit_waits(m);
}
