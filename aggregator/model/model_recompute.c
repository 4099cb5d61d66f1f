/*
 * model_recompute: updates the data that the metrics read: derives each changed
 * chat, credits its figures to operators and the tenant, reports its intervals,
 * and drops messages that are no longer needed.
 *
 * A chat is derived from its own messages and descriptions, and from nothing
 * else: its state, its current episode, the intervals of all its episodes, and
 * which messages may be dropped. The result does not depend on the order of
 * arrival.
 *
 * A chat keeps the intervals that its last walk found. The next walk usually
 * finds few changes: the follower learns of added and removed intervals, and
 * the responses of the current episode are added to or removed from operators
 * and totals. The names in intervals are held. Until an unpacked chat's
 * messages are loaded, only the lengths of its credited intervals are known.
 *
 * What has changed is listed until model_clear_changed().
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

#include "aggregator/containers/id_order.h"
#include "aggregator/model/model_pack.h"

/* How long after the window another operator may still be credited with an
 * interval. */
#define CORRECTS_MS (7 * DAY_MS)

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
model_gather_descriptions(struct derivation *w, const struct chat *c)
{
	const struct description *d;
	size_t i = c->descriptions_n;

	if (i > w->descriptions_cap) {
		w->descriptions_cap = 2 * i;
		w->descriptions = xrealloc(w->descriptions, w->descriptions_cap,
		    sizeof *w->descriptions);
	}
	w->descriptions_n = i;
	for (d = c->descriptions; d != NULL; d = d->next)
		w->descriptions[--i] = d;
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

/* Returns the time of the newest complete snapshot if it lacks the chat;
 * otherwise CLOCK_NONE. */
static int64_t
missing_at(const struct model *m, const struct chat *c)
{
	return m->whole_at > c->listed_at ? m->whole_at : CLOCK_NONE;
}

/* Sets the chat's present state from its records. */
static void
derive_state(struct model *m, struct chat *c)
{
	int64_t missed = missing_at(m, c), since = CLOCK_NONE;

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

static int64_t
earliest_opening(const struct derivation *w)
{
	int64_t earliest = CLOCK_NONE, at;
	size_t j;

	for (j = 0; j < w->descriptions_n; j++) {
		at = w->descriptions[j]->opened_at;
		if (earliest == CLOCK_NONE ||
		    (at != CLOCK_NONE && at < earliest))
			earliest = at;
	}
	return earliest;
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
		.as_of = m->as_of,
		.ongoing = chat_is_open(c) };

	model_gather_descriptions(w, c);
	view.marks_n = make_marks(w, c);
	view.marks = w->marks;
	view.opened_at = earliest_opening(w);
	/* Messages before it keep their opening. */
	if (m->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	return view;
}

/*
 * Dropping past episodes. What is known of them passes through three structs:
 *
 *   collector        During a walk: the state after the last message so far.
 *   droppable        The collector's state at the end of the newest episode
 *                    that may be dropped; see collect_episode(). walk_chat()
 *                    returns it, without messages if nothing may be dropped.
 *   dropped_history  What the chat keeps after trim_chat() has dropped these
 *                    messages. The next walk starts from it; see
 *                    model_clocks_chat().
 *
 * The intervals of a walk are reported, and saved in the chat, before any of
 * them are dropped.
 */
struct droppable {
	size_t messages, intervals;
	uint32_t assignee;
	int64_t assignee_until; /* older descriptions do not name the assignee;
				 * CLOCK_NONE: unknown */
};

/* What a walk has found so far. */
struct collector {
	struct model *model;
	struct derivation *work; /* the model's */
	struct chat *chat;
	bool all;       /* also intervals of past episodes */
	int64_t limit;  /* the start of the window; INT64_MIN: nothing is
			 * dropped */
	size_t present; /* the first interval of the current episode */
	size_t walked;  /* messages */
	/* After the last message of the walk. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known;
	int64_t transferred_at;
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

/* Returns the time before which an episode must have ended to be dropped: the
 * start of the window. If no record has named an assignee yet, it is a window
 * earlier: a record that names the first assignee, and therefore also the
 * previous one, may still arrive. */
static int64_t
drop_limit(const struct collector *k)
{
	if (k->assignee_known || k->limit == INT64_MIN)
		return k->limit;
	return k->limit - k->model->window;
}

/* Everything so far belongs to past episodes. */
static void
collect_episode(void *ctx, int64_t ended_at)
{
	struct collector *k = ctx;
	int64_t limit = drop_limit(k);

	start_episode(k);
	if (k->walked == 0 || k->last_at >= limit || ended_at >= limit)
		return;
	k->old.messages = k->walked;
	k->old.intervals = k->work->intervals_n;
	k->old.assignee = k->assignee;
	k->old.assignee_until = assignee_until(k);
}

/* An interval that a chat record ends has the chat's channel. */
static uint16_t
channel_of(struct collector *k, const struct interval *i)
{
	struct model *m = k->model;

	if (!i->by_record)
		return i->channel;
	return (uint16_t)lexicon_channel(
	    &m->lexicon, model_name(m, k->chat->now.channel));
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
	w->intervals[w->intervals_n] = *i;
	w->intervals[w->intervals_n++].channel = channel_of(k, i);
}

static void
drop_parts(void *ctx, int64_t since)
{
	struct derivation *w = ((struct collector *)ctx)->work;
	const struct interval *last;

	for (; w->intervals_n > 0; w->intervals_n--) {
		last = &w->intervals[w->intervals_n - 1];
		if (last->kind != INTERVAL_WAITING || last->start < since)
			break;
	}
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

/* Walks over a chat whose state is derived: sets its figures, and the intervals
 * of the derivation. */
static struct droppable
walk_chat(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	struct collector k = { .model = m,
		.work = w,
		.chat = c,
		.all = m->incremental || m->follower != NULL,
		.limit = INT64_MIN };
	struct clocks_listener listener = { .ctx = &k,
		.on_interval = collect_interval,
		.on_undivided = drop_parts,
		.on_message = collect_message,
		.on_episode = collect_episode };
	/* A chat that is not open has no wait. */
	struct clocks end = { .w = CLOCK_NONE, .a = CLOCK_NONE };
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
	c->first_since = c->waiting_since != CLOCK_NONE && end.f == CLOCK_NONE
			     ? end.a
			     : CLOCK_NONE;
	credit_responses(&k);
	return k.old;
}

/* Adds a response to the figures of its operator and of the tenant, or removes
 * it (more: false). */
static void
credit_response(struct model *m, const struct interval *i, bool more)
{
	void (*tally)(struct tally *, int64_t) =
	    more ? tally_add : tally_remove;
	struct tenant_totals *t = &m->totals;
	struct operator_info *o;

	tally(&t->responses, i->ms);
	if (i->skewed)
		t->skewed += more ? 1 : SIZE_MAX;
	m->changes.totals = true;
	if (i->operator_id == 0)
		return;
	o = model_operators_get(m, i->operator_id);
	if (more)
		order_stats_insert(&o->responses, i->ms);
	else
		order_stats_remove(&o->responses, i->ms);
	if (i->kind == INTERVAL_FIRST_RESPONSE)
		tally(&o->first_responses, i->ms);
	model_operators_touch(m, o);
}

/* The range in which two lists differ: from .. old_end - 1, and from .. end -
 * 1. */
struct difference {
	size_t from, old_end, end;
};

/* Ignores the operator and the channel. */
static bool
is_same_span(const struct interval *a, const struct interval *b)
{
	return a->start == b->start && a->end == b->end && a->kind == b->kind &&
	       message_id_same(a->message, b->message);
}

static bool
is_same_interval(
    const struct interval *a, const struct interval *b, bool credits)
{
	return is_same_span(a, b) && a->by_record == b->by_record &&
	       a->first == b->first && a->operator_id == b->operator_id &&
	       a->channel == b->channel &&
	       (!credits || a->credited == b->credited);
}

/* credits: intervals that are credited in only one list also differ. */
static struct difference
find_difference(
    const struct chat *c, const struct interval *v, size_t n, bool credits)
{
	const struct interval *old = c->intervals;
	struct difference d = { 0, c->intervals_n, n };

	while (d.from < d.old_end && d.from < d.end &&
	       is_same_interval(&old[d.from], &v[d.from], credits))
		d.from++;
	while (d.old_end > d.from && d.end > d.from &&
	       is_same_interval(&old[d.old_end - 1], &v[d.end - 1], credits)) {
		d.old_end--;
		d.end--;
	}
	return d;
}

/* A chat's first assignment names the assignee of the time before it, too, but
 * intervals that ended long ago keep the operator with which they were reported
 * (messaging-metrics(7)). */
static void
report_difference(
    struct model *m, const struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, false);
	int64_t limit = m->window > 0 && m->as_of != CLOCK_NONE
			    ? m->as_of - m->window - CORRECTS_MS
			    : INT64_MIN;
	size_t i;

	while (d.from < d.old_end && d.from < d.end && v[d.from].end < limit &&
	       is_same_span(&c->intervals[d.from], &v[d.from]))
		d.from++;
	for (i = d.from; i < d.old_end; i++)
		m->follower->interval(
		    m->follower_ctx, m, c, &c->intervals[i], true);
	for (i = d.from; i < d.end; i++)
		m->follower->interval(m->follower_ctx, m, c, &v[i], false);
}

/* Replaces the chat's intervals without a report. */
static void
save_intervals(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		interner_hold(&m->lexicon.names, v[i].operator_id);
	for (i = 0; i < c->intervals_n; i++)
		interner_drop(&m->lexicon.names, c->intervals[i].operator_id);
	free(c->intervals);
	c->intervals = n > 0 ? xcalloc(n, sizeof *v) : NULL;
	if (n > 0)
		memcpy(c->intervals, v, n * sizeof *v);
	c->intervals_n = (uint32_t)n;
}

/* Replaces the chat's intervals; reports and credits the differences. */
static void
update_intervals(
    struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	struct difference d = find_difference(c, v, n, true);
	size_t i;

	if (m->follower != NULL)
		report_difference(m, c, v, n);
	for (i = d.from; i < d.old_end; i++)
		if (c->intervals[i].credited)
			credit_response(m, &c->intervals[i], false);
	for (i = d.from; i < d.end; i++)
		if (v[i].credited)
			credit_response(m, &v[i], true);
	if (m->incremental && (d.from < d.old_end || d.from < d.end))
		save_intervals(m, c, v, n);
}

/* Drops the first n intervals without a report; none may be credited. */
static void
drop_intervals(struct model *m, struct chat *c, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		interner_drop(&m->lexicon.names, c->intervals[i].operator_id);
	c->intervals_n -= (uint32_t)n;
	memmove(c->intervals, c->intervals + n,
	    c->intervals_n * sizeof *c->intervals);
}

static void
uncredit_intervals(struct model *m, struct chat *c)
{
	struct interval *x;

	for (x = c->intervals; x < c->intervals + c->intervals_n; x++) {
		if (x->credited)
			credit_response(m, x, false);
		x->credited = false;
	}
}

/* Adds an open chat to its assignee and the tenant, or removes it. */
static void
count_open_chat(struct model *m, uint32_t assignee, int64_t wait, bool more)
{
	struct tenant_totals *t = &m->totals;
	size_t one = more ? 1 : SIZE_MAX;
	struct operator_info *o;

	t->open_chats += one;
	if (wait != CLOCK_NONE) {
		if (more)
			order_stats_insert(&t->waits, wait);
		else
			order_stats_remove(&t->waits, wait);
	}
	if (assignee == 0) {
		t->unassigned_chats += one;
		return;
	}
	o = model_operators_get(m, assignee);
	o->open_chats += one;
	model_operators_touch(m, o);
	if (wait == CLOCK_NONE)
		return;
	if (more)
		order_stats_insert(&o->waits, wait);
	else
		order_stats_remove(&o->waits, wait);
}

/* Updates whether the chat is open and the start of its wait. */
static void
credit_open(struct model *m, struct chat *c)
{
	bool open = chat_is_open(c);

	if (c->counted == open &&
	    (!open || (c->counted_assignee == c->now.assignee &&
			  c->counted_wait == c->waiting_since)))
		return;
	if (c->counted)
		count_open_chat(m, c->counted_assignee, c->counted_wait, false);
	if (open)
		count_open_chat(m, c->now.assignee, c->waiting_since, true);
	c->counted = open;
	c->counted_assignee = c->now.assignee;
	c->counted_wait = c->waiting_since;
	m->changes.totals = true;
}

void
model_credit_unpacked(struct model *m, struct chat *c)
{
	uint32_t i;

	for (i = 0; i < c->intervals_n; i++)
		credit_response(m, &c->intervals[i], true);
	c->counted = false;
	credit_open(m, c);
}

/* Returns the length of the longest of the waits with these start times;
 * TALLY_NONE: there are none. */
static int64_t
longest_wait(const struct model *m, struct order_stats *waits)
{
	int64_t since = order_stats_min(waits);

	if (since == TALLY_NONE)
		return TALLY_NONE;
	return m->present > since ? m->present - since : 0;
}

int64_t
operator_longest_wait(const struct model *m, struct operator_info *o)
{
	return longest_wait(m, &o->waits);
}

void
model_mark_waits(struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->waits.n > 0)
			model_operators_touch(m, m->operators[i]);
	m->changes.totals = true;
}

/* Removes the first messages, but keeps the last status that they report. */
static void
drop_messages(struct model *m, struct chat *c, size_t messages)
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

/* The status and assignee of past episodes are kept. */
static void
drop_episodes(struct model *m, struct chat *c, const struct droppable *old)
{
	struct dropped_history *f = &c->dropped;

	/* The messages may have the only references to the name. */
	interner_hold(&m->lexicon.names, old->assignee);
	drop_messages(m, c, old->messages);
	interner_drop(&m->lexicon.names, f->assignee);
	f->assignee = old->assignee;
	f->assignee_at = old->assignee_until;
}

/* Drops data that are older than the window and have been reported. */
static void
trim_chat(struct model *m, struct chat *c, const struct droppable *old)
{
	if (old->messages == 0)
		return;
	if (m->follower != NULL)
		m->follower->drop(m->follower_ctx, m, c, old->messages);
	drop_episodes(m, c, old);
	drop_intervals(m, c, old->intervals);
	c->sorted = c->n;
	c->clean = 0;
}

static void
recompute_chat(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	struct droppable old;

	derive_state(m, c);
	if (m->no_figures)
		return;
	old = walk_chat(m, c);
	if (m->follower != NULL)
		m->follower->derived(m->follower_ctx, m, c);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	update_intervals(m, c, w->intervals, w->intervals_n);
	credit_open(m, c);
	trim_chat(m, c, &old);
}

static bool
is_before_window(const struct model *m, int64_t at)
{
	return at != CLOCK_NONE && at < m->as_of - m->window;
}

/* True if some messages may be old enough to be dropped. Messages that are not
 * sorted yet may be of any time. */
static bool
has_old_messages(const struct model *m, const struct chat *c)
{
	return c->sorted < c->n ||
	       (c->n > 0 && is_before_window(m, c->messages[0].at));
}

/* True if it reports an opening or closing before the window that the newest
 * description does not repeat, or has no time and may therefore name the
 * assignee of that time. */
static bool
reaches_back(
    const struct model *m, const struct chat *c, const struct description *d)
{
	const struct description *last = c->descriptions;

	return d->at == CLOCK_NONE ||
	       (is_before_window(m, d->opened_at) &&
		   (last == NULL || last->opened_at != d->opened_at)) ||
	       (is_before_window(m, d->closed_at) &&
		   (last == NULL || last->closed_at != d->closed_at));
}

void
model_recompute_before(
    struct model *m, struct chat *c, const struct description *d)
{
	if (m->incremental && m->window > 0 && m->as_of != CLOCK_NONE &&
	    has_old_messages(m, c) && (d == NULL || reaches_back(m, c, d)))
		recompute_chat(m, c);
}

void
model_load_chat(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	uint32_t i;

	if (c->loaded)
		return;
	if (m->fetch == NULL)
		prog_die(PROG_SOFTWARE, "there is no function to fetch a "
					"chat's messages");
	c->loaded = true;
	m->fetch(m->ctx, m, c);
	c->sorted = c->n;
	c->clean = c->n;
	for (i = 0; i < c->n; i++)
		model_note_id(c, c->messages[i].id);
	/* Of a packed chat, only the credited intervals are known. */
	(void)walk_chat(m, c);
	save_intervals(m, c, w->intervals, w->intervals_n);
}

/* Tells the follower that the messages of a chat that is freed are dropped. */
static void
report_gone(struct model *m, struct chat *c)
{
	if (m->follower == NULL)
		return;
	if (!c->loaded && c->stored > 0 && m->fetch != NULL) {
		c->loaded = true;
		m->fetch(m->ctx, m, c);
	}
	if (c->n > 0)
		m->follower->drop(m->follower_ctx, m, c, c->n);
}

/* Marks the chat as gone, and takes back its credits. */
static void
recompute_gone(struct model *m, struct chat *c)
{
	report_gone(m, c);
	chats_touch(m, c, false);
	c->gone = true;
	c->dirty = false;
	c->left |= c->shown;
	c->shown = false;
	c->waiting_since = CLOCK_NONE;
	c->first_since = CLOCK_NONE;
	uncredit_intervals(m, c);
	credit_open(m, c);
}

/* Returns the time before which the window must begin, so that the chat can be
 * freed: when no further record can be as old as its last message, or as the
 * last snapshot that has it, for a whole window. Until then, a record that
 * reopens it finds its customer and channel. The time of the newest snapshot,
 * which lacks it, does not matter: there is one each minute. */
static int64_t
free_due(const struct model *m, const struct chat *c)
{
	int64_t last = c->newest > c->listed_at ? c->newest : c->listed_at;

	return last + m->window;
}

/* The messages of a closed chat are dropped when no further record can be as
 * old as the last one; those that are not in memory leave the state with the
 * chat. Later records start a new chat. limit: the window's begin. */
static void
expire_chat(struct model *m, struct chat *c, int64_t limit)
{
	if (free_due(m, c) < limit) {
		recompute_gone(m, c);
	} else if (c->newest < limit && !c->trimmed) {
		c->trimmed = true;
		if (c->loaded && c->n > 0) {
			chats_touch(m, c, false);
			recompute_chat(m, c);
		}
	}
}

int64_t
model_expiry_time(const struct model *m)
{
	int64_t step = m->window / 24 + 1, rest = m->as_of % step;

	return m->as_of - (rest < 0 ? rest + step : rest);
}

/* Looks at all chats whenever that time changes, so at each closed chat some 50
 * times before it is freed. A chat without any time never counts as old. */
static void
expire_chats(struct model *m)
{
	int64_t now = model_expiry_time(m), limit = now - m->window;
	struct chat *c;
	size_t i;

	if (now == m->private->expired_at)
		return;
	m->private->expired_at = now;
	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (!c->gone && status_is_over(c->now.status) &&
		    c->newest != CLOCK_NONE)
			expire_chat(m, c, limit);
	}
}

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
			recompute_chat(m, c);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE)
		expire_chats(m);
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
		chats_sort_descriptions(m, m->chats[i]);
		recompute_chat(m, m->chats[i]);
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
	m->totals.longest_wait = longest_wait(m, &m->totals.waits);
}

void
model_list_all(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++)
		chats_touch(m, m->chats[i], false);
	for (i = 0; i < m->operators_n; i++)
		model_operators_touch(m, m->operators[i]);
	m->changes.totals = true;
	coverage_mark_all(&m->coverage);
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
