/*
 * model_derive: derives a chat from its messages and descriptions: its state,
 * its current episode, the intervals of all its episodes, and which messages
 * may be dropped. The result does not depend on the order of arrival. A chat is
 * derived only from its own records and the names.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Returns the status that a message sets; CHAT_NONE: none. */
static enum chat_status
status_of_message(const struct message *m)
{
	switch (clocks_classify(m)) {
	case EVENT_CLOSED:
		return CHAT_CLOSED;
	case EVENT_REOPENED:
	case EVENT_CUSTOMER_WRITES:
		return CHAT_OPEN;
	case EVENT_TRANSFER:
	case EVENT_NOTHING:
	case EVENT_HUMAN_ANSWERS:
	case EVENT_BOT_ANSWERS:
	case EVENT_HANDOFF:
	case EVENT_KINDS:
		break;
	}
	return CHAT_NONE;
}

void
derive_gather(struct derivation *w, const struct chat *c)
{
	const struct description *d;
	size_t i;

	w->descriptions_n = 0;
	for (d = c->descriptions; d != NULL; d = d->next) {
		XGROW(w->descriptions, w->descriptions_n, w->descriptions_cap);
		w->descriptions[w->descriptions_n++] = d;
	}
	for (i = 0; i < w->descriptions_n / 2; i++) {
		d = w->descriptions[i];
		w->descriptions[i] = w->descriptions[w->descriptions_n - 1 - i];
		w->descriptions[w->descriptions_n - 1 - i] = d;
	}
}

/* The newest message with a status decides, or the description. If they have
 * the same time, the description does, unless the message is a closing. */
static void
apply_newer_status(struct chat *c, int64_t since)
{
	enum chat_status status = CHAT_NONE;
	int64_t at = CLOCK_NONE;
	size_t i;

	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		at = c->messages[i - 1].at;
		status = status_of_message(&c->messages[i - 1]);
		if (status != CHAT_NONE)
			break;
	}
	if (status == CHAT_NONE) {
		at = c->dropped.status_at;
		status = c->dropped.status;
	}
	if (at > c->now.at ||
	    (status == CHAT_CLOSED && clocks_wins_until(at) >= c->now.at))
		c->now.status = status;
}

/* The newest transfer decides, or the description. */
static void
apply_newer_assignee(struct chat *c, int64_t since)
{
	size_t i;

	if (c->dropped.assignee_at != CLOCK_NONE &&
	    c->dropped.assignee_at >= c->now.at)
		c->now.assignee = c->dropped.assignee;
	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		const struct message *m = &c->messages[i - 1];

		if (clocks_classify(m) != EVENT_TRANSFER)
			continue;
		if (clocks_wins_until(m->at) >= c->now.at)
			c->now.assignee = m->operator_id;
		break;
	}
}

static void
sort_messages(struct model *m, struct chat *c)
{
	struct timeline_scratch *t = &m->private->derivation.timeline;
	size_t first = timeline_sort(t, c->messages, c->n, c->sorted);

	if (first < c->n)
		messages_moved(c);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->sorted < c->clean)
		c->clean = c->sorted;
	c->sorted = c->n;
}

void
derive_state(struct model *m, struct chat *c)
{
	int64_t missed = model_missing_at(m, c), since = CLOCK_NONE;

	sort_messages(m, c);
	c->dirty = false;
	chats_describe(c);
	c->newest = c->dropped.at > c->now.at ? c->dropped.at : c->now.at;
	if (c->n > 0 && c->messages[c->n - 1].at > c->newest)
		c->newest = c->messages[c->n - 1].at;
	/* Apply the messages after the newest description. */
	if (c->now.at != CLOCK_NONE)
		since = c->now.at - 1000;
	if (m->stream) {
		if (c->now.status == CHAT_NONE)
			c->now.status = CHAT_OPEN;
		apply_newer_status(c, since);
		apply_newer_assignee(c, since);
	}
	/* The chat returns only with a record newer than the snapshot. */
	if (missed != CLOCK_NONE && missed >= c->newest)
		c->now.status = CHAT_GONE;
}

static void
add_mark(struct derivation *w, size_t *n, int64_t at, enum mark_kind kind,
    uint32_t assignee)
{
	struct mark x = { .at = at, .kind = kind, .assignee = assignee };
	size_t i;

	XGROW(w->marks, *n, w->marks_cap);
	for (i = (*n)++; i > 0 && (w->marks[i - 1].at > at ||
				      (w->marks[i - 1].at == at &&
					  w->marks[i - 1].kind > kind));
	     i--)
		w->marks[i] = w->marks[i - 1];
	w->marks[i] = x;
}

/* True if the j-th description is the first to report its opening. Usually the
 * latest opening is reported again, or followed by a later one. */
static bool
is_new_opening(const struct derivation *w, size_t j, int64_t *latest)
{
	int64_t at = w->descriptions[j]->opened_at;
	size_t i;

	if (at > *latest) {
		*latest = at;
		return true;
	}
	if (at == CLOCK_NONE || at == *latest)
		return false;
	for (i = 0; i < j; i++)
		if (w->descriptions[i]->opened_at == at)
			return false;
	return true;
}

/* True for a mark before the last dropped message: dropped_history already
 * includes its effect. Messages come before a closing with the same time. */
static bool
is_in_dropped(const struct chat *c, int64_t at, enum mark_kind kind)
{
	return kind == MARK_CLOSED ? at < c->dropped.at : at <= c->dropped.at;
}

static size_t
make_marks(struct derivation *w, const struct chat *c)
{
	const struct dropped_history *f = &c->dropped;
	const struct description *d;
	int64_t opened = CLOCK_NONE;
	size_t j, n = 0;

	for (j = 0; j < w->descriptions_n; j++) {
		d = w->descriptions[j];
		if (is_new_opening(w, j, &opened) &&
		    !is_in_dropped(c, d->opened_at, MARK_OPENED))
			add_mark(w, &n, d->opened_at, MARK_OPENED, 0);
		/* An older assignee is in dropped.assignee. */
		if (f->assignee_at == CLOCK_NONE || d->at > f->assignee_at)
			add_mark(w, &n, d->at, MARK_ASSIGNEE, d->assignee);
		if (d->closed_at != CLOCK_NONE &&
		    !is_in_dropped(c, d->closed_at, MARK_CLOSED))
			add_mark(w, &n, d->closed_at, MARK_CLOSED, 0);
	}
	return n;
}

struct clocks_chat
model_clocks_chat(const struct model *m, const struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	struct clocks_chat view = { .messages = c->messages,
		.n = c->n,
		.opened_at = CLOCK_NONE,
		.assignee = c->now.assignee,
		.first_assignee = c->dropped.assignee,
		.first_assignee_known = c->dropped.assignee_at != CLOCK_NONE,
		.first_state = c->dropped.episode,
		.as_of = m->as_of,
		.ongoing = chat_is_open(c) };
	size_t j;

	derive_gather(w, c);
	view.marks_n = make_marks(w, c);
	view.marks = w->marks;
	for (j = 0; j < w->descriptions_n && view.opened_at == CLOCK_NONE; j++)
		view.opened_at = w->descriptions[j]->opened_at;
	/* Messages before it keep their opening. */
	if (m->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	return view;
}

void
derive_drop_messages(struct model *m, struct chat *c, size_t messages)
{
	struct dropped_history *f = &c->dropped;
	enum chat_status status;
	size_t i;

	for (i = 0; i < messages; i++) {
		status = status_of_message(&c->messages[i]);
		if (status != CHAT_NONE) {
			f->status = (uint8_t)status;
			f->status_at = c->messages[i].at;
		}
	}
	if (messages > 0 && c->messages[messages - 1].at > f->at)
		f->at = c->messages[messages - 1].at;
	chats_drop_messages(m, c, messages);
}

/* What a walk has found so far. */
struct collector {
	const struct model *model;
	struct derivation *work; /* the model's */
	struct chat *chat;
	bool all;       /* also intervals of past episodes */
	int64_t limit;  /* messages before this time may be dropped; INT64_MIN:
			 * none */
	size_t present; /* the first interval of the current episode */
	size_t walked;  /* messages */
	/* After the last message of the walk. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known;
	int64_t transferred_at;
	enum episode_state episode;
	struct droppable old;
};

/* Earlier messages and intervals do not count. */
static void
start_episode(struct collector *k)
{
	k->chat->last_message_at = CLOCK_NONE;
	k->chat->messages_counted = 0;
	key_set_empty(&k->work->participants);
	if (!k->all)
		k->work->intervals_n = 0;
	k->present = k->work->intervals_n;
}

static int64_t
assignee_until(const struct collector *k)
{
	int64_t until = clocks_wins_until(k->transferred_at);

	if (!k->assignee_known)
		return CLOCK_NONE;
	return until > k->last_at ? until : k->last_at;
}

/* Everything so far belongs to past episodes. */
static void
collect_episode(void *ctx, int64_t ended_at)
{
	struct collector *k = ctx;
	int64_t limit = k->limit;

	start_episode(k);
	/* A record that names the first assignee, and therefore also the
	 * previous one, may still arrive. */
	if (!k->assignee_known && limit != INT64_MIN)
		limit -= k->model->window;
	if (k->walked == 0 || k->last_at >= limit || ended_at >= limit)
		return;
	k->old.messages = k->walked;
	k->old.intervals = k->work->intervals_n;
	k->old.assignee = k->assignee;
	k->old.assignee_until = assignee_until(k);
	k->old.episode = k->episode;
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;
	struct derivation *w = k->work;

	if (i->running || (!k->all && i->kind != INTERVAL_FIRST_RESPONSE &&
			      i->kind != INTERVAL_REPLY))
		return;
	XGROW(w->intervals, w->intervals_n, w->intervals_cap);
	w->intervals[w->intervals_n++] = *i;
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
	k->transferred_at = clocks->transferred_at;
	k->episode = clocks->episode;
	if (kind != EVENT_CUSTOMER_WRITES && kind != EVENT_HUMAN_ANSWERS &&
	    kind != EVENT_BOT_ANSWERS)
		return;
	c->messages_counted++;
	c->last_message_at = m->at;
	(void)key_set_add(&k->work->participants, message_participant(m));
}

/* Credits the responses of the current episode among the intervals. */
static void
credit_responses(struct collector *k)
{
	struct interval *v = k->work->intervals;
	struct chat *c = k->chat;
	size_t i;

	memset(&c->responses, 0, sizeof c->responses);
	c->first_response = TALLY_NONE;
	c->skewed = 0;
	for (i = k->present; chat_is_open(c) && i < k->work->intervals_n; i++) {
		if (v[i].kind != INTERVAL_FIRST_RESPONSE &&
		    v[i].kind != INTERVAL_REPLY)
			continue;
		v[i].credited = true;
		tally_add(&c->responses, v[i].ms);
		c->skewed += v[i].skewed;
		if (v[i].kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = v[i].ms;
	}
}

struct droppable
derive_walk(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	struct collector k = { .model = m,
		.work = w,
		.chat = c,
		.all = m->incremental || m->follower != NULL,
		.limit = INT64_MIN };
	struct clocks_listener listener = { .ctx = &k,
		.on_interval = collect_interval,
		.on_message = collect_message,
		.on_episode = collect_episode };
	/* A chat that is not open has no wait. */
	struct clocks end = { .w = CLOCK_NONE };
	struct clocks_chat view;

	if (m->incremental && m->window > 0 && m->as_of != CLOCK_NONE)
		k.limit = m->as_of - m->window;
	w->intervals_n = 0;
	start_episode(&k);
	if (chat_is_open(c) || k.all) {
		view = model_clocks_chat(m, c);
		clocks_walk(m->definition, &view, &listener, &end);
	}
	if (end.closed)
		collect_episode(&k, end.ended_at);
	else if (!chat_is_open(c))
		start_episode(&k);
	c->participants = w->participants.n;
	c->waiting_since = chat_is_open(c) ? end.w : CLOCK_NONE;
	credit_responses(&k);
	return k.old;
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
	free(w->marks);
	key_set_release(&w->participants);
	free(w->intervals);
	free(w->timeline.merged);
}
