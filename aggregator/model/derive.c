/*
 * derive: see derive.h. In the order of its steps.
 */
#include "aggregator/model/derive.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

/* The present state: the newest description, and the messages that are newer.
 */

enum chat_status
derive_status_of(const struct message *m)
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

/* The newest description counts. Constant fields, which are all names except
 * the assignee, are inherited from older descriptions, because the record of a
 * closing seldom repeats them. */
struct description
derive_description(const struct chat *c)
{
	const struct description *d = c->descriptions;
	struct description now = { .at = CLOCK_NONE, .opened_at = CLOCK_NONE };
	size_t i;

	if (d != NULL) {
		now = *d;
		now.next = NULL;
		now.status = status_or_open(d);
	}
	for (; d != NULL; d = d->next) {
		if (now.opened_at == CLOCK_NONE)
			now.opened_at = d->opened_at;
		for (i = 1; i < DESCRIPTION_NAMES; i++)
			if (now.names[i] == 0)
				now.names[i] = d->names[i];
	}
	return now;
}

/* The newest message with a status decides, or the description. If they have
 * the same time, the description does, unless the message is a closing. */
static void
apply_newer_status(const struct chat *c, struct description *now, int64_t since)
{
	enum chat_status status = CHAT_NONE;
	int64_t at = CLOCK_NONE;
	size_t i;

	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		at = c->messages[i - 1].at;
		status = derive_status_of(&c->messages[i - 1]);
		if (status != CHAT_NONE)
			break;
	}
	if (status == CHAT_NONE) {
		at = c->dropped.status_at;
		status = c->dropped.status;
	}
	if (at > now->at ||
	    (status == CHAT_CLOSED && clocks_wins_until(at) >= now->at))
		now->status = status;
}

/* The newest transfer decides, or the description. */
static void
apply_newer_assignee(
    const struct chat *c, struct description *now, int64_t since)
{
	size_t i;

	if (c->dropped.assignee_at != CLOCK_NONE &&
	    c->dropped.assignee_at >= now->at)
		now->assignee = c->dropped.assignee;
	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		const struct message *m = &c->messages[i - 1];

		if (clocks_classify(m) != EVENT_TRANSFER)
			continue;
		if (clocks_wins_until(m->at) >= now->at)
			now->assignee = m->operator_id;
		break;
	}
}

/* Returns the time of the newest complete snapshot if it lacks the chat;
 * otherwise CLOCK_NONE. */
static int64_t
missing_at(const struct derive_setting *s, const struct chat *c)
{
	return s->newest_snapshot_at > c->listed_at ? s->newest_snapshot_at
						    : CLOCK_NONE;
}

static int64_t
newest_record(const struct chat *c, const struct description *now)
{
	int64_t at = c->dropped.at > now->at ? c->dropped.at : now->at;

	if (c->n > 0 && c->messages[c->n - 1].at > at)
		at = c->messages[c->n - 1].at;
	return at;
}

struct derived_state
derive_state(const struct derive_setting *s, const struct chat *c)
{
	int64_t missed = missing_at(s, c), since = CLOCK_NONE;
	struct derived_state d = { .now = derive_description(c) };

	d.newest = newest_record(c, &d.now);
	/* Apply the messages after the newest description. */
	if (d.now.at != CLOCK_NONE)
		since = d.now.at - 1000;
	if (s->stream) {
		if (d.now.status == CHAT_NONE)
			d.now.status = CHAT_OPEN;
		apply_newer_status(c, &d.now, since);
		apply_newer_assignee(c, &d.now, since);
	}
	/* The chat returns only with a record newer than the snapshot. */
	if (missed != CLOCK_NONE && missed >= d.newest)
		d.now.status = CHAT_GONE;
	return d;
}

/* The timeline: a chat's messages, and what its chat records report, as marks.
 */

void
derive_list_descriptions(struct derive_scratch *w, const struct chat *c)
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

static void
add_mark(struct derive_scratch *w, size_t *n, int64_t at, enum mark_kind kind,
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
is_new_opening(const struct derive_scratch *w, size_t j, int64_t *latest)
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

/* True for a mark up to the last dropped message: the walk that dropped it had
 * reached the end of an episode, so a closing of that instant was included. */
static bool
is_in_dropped(const struct chat *c, int64_t at)
{
	return at <= c->dropped.at;
}

static size_t
make_marks(struct derive_scratch *w, const struct chat *c)
{
	const struct dropped_history *f = &c->dropped;
	const struct description *d;
	int64_t opened = CLOCK_NONE;
	size_t j, n = 0;

	for (j = 0; j < w->descriptions_n; j++) {
		d = w->descriptions[j];
		if (is_new_opening(w, j, &opened) &&
		    !is_in_dropped(c, d->opened_at))
			add_mark(w, &n, d->opened_at, MARK_OPENED, 0);
		/* An older assignee is in dropped.assignee. */
		if (f->assignee_at == CLOCK_NONE || d->at > f->assignee_at)
			add_mark(w, &n, d->at, MARK_ASSIGNEE, d->assignee);
		if (d->closed_at != CLOCK_NONE &&
		    !is_in_dropped(c, d->closed_at))
			add_mark(w, &n, d->closed_at, MARK_CLOSED, 0);
	}
	return n;
}

static int64_t
earliest_opening(const struct derive_scratch *w)
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
derive_timeline(const struct derive_setting *s, const struct chat *c)
{
	struct derive_scratch *w = s->scratch;
	struct clocks_chat view = { .messages = c->messages,
		.n = c->n,
		.opened_at = CLOCK_NONE,
		.assignee = c->now.assignee,
		.first_assignee = c->dropped.assignee,
		.first_assignee_known = c->dropped.assignee_at != CLOCK_NONE,
		.as_of = s->as_of,
		.ongoing = chat_may_wait(c) };

	derive_list_descriptions(w, c);
	view.marks_n = make_marks(w, c);
	view.marks = w->marks;
	view.opened_at = earliest_opening(w);
	/* Messages before it keep their opening. */
	if (s->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	return view;
}

void
derive_scratch_release(struct derive_scratch *w)
{
	free(w->descriptions);
	free(w->marks);
	key_set_release(&w->participants);
	free(w->intervals);
}

/* The figures: a walk over a chat whose state is derived. */

/* What a walk has found so far. */
struct collector {
	const struct derive_setting *setting;
	struct derive_scratch *scratch; /* the setting's */
	struct derived_figures out;
	size_t present; /* the first interval of the current episode */
	size_t walked;  /* messages */
	/* After the last message of the walk. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known;
	int64_t transferred_at;
};

/* Earlier messages and intervals do not count. */
static void
start_episode(struct collector *k)
{
	k->out.figures.last_message_at = CLOCK_NONE;
	k->out.figures.messages_counted = 0;
	key_set_empty(&k->scratch->participants);
	if (!k->setting->past_episodes)
		k->scratch->intervals_n = 0;
	k->present = k->scratch->intervals_n;
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
	const struct derive_setting *s = k->setting;

	if (k->assignee_known || s->window_start == INT64_MIN)
		return s->window_start;
	return s->window_start - s->window;
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
	k->out.old.messages = k->walked;
	k->out.old.intervals = k->scratch->intervals_n;
	k->out.old.assignee = k->assignee;
	k->out.old.assignee_until = assignee_until(k);
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;
	struct derive_scratch *w = k->scratch;

	if (i->running ||
	    (!k->setting->past_episodes && i->kind != INTERVAL_FIRST_RESPONSE &&
		i->kind != INTERVAL_REPLY))
		return;
	XGROW(w->intervals, w->intervals_n, w->intervals_cap);
	w->intervals[w->intervals_n++] = *i;
}

static void
drop_parts(void *ctx, int64_t since)
{
	struct derive_scratch *w = ((struct collector *)ctx)->scratch;
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
	struct chat_figures *f = &k->out.figures;

	k->walked++;
	k->last_at = m->at;
	k->assignee = clocks->assignee;
	k->assignee_known = clocks->assignee_known;
	k->transferred_at = clocks->transferred_at;
	if (kind != EVENT_CUSTOMER_WRITES && kind != EVENT_HUMAN_ANSWERS &&
	    kind != EVENT_BOT_ANSWERS)
		return;
	f->messages_counted++;
	f->last_message_at = m->at;
	(void)key_set_add(&k->scratch->participants, message_participant(m));
}

/* Counts the responses of the current episode, and marks them as credited. */
static void
count_responses(struct collector *k)
{
	struct chat_figures *f = &k->out.figures;
	struct interval *i = k->scratch->intervals + k->present,
			*end = k->scratch->intervals + k->scratch->intervals_n;

	for (; i < end; i++) {
		if (i->kind != INTERVAL_FIRST_RESPONSE &&
		    i->kind != INTERVAL_REPLY)
			continue;
		i->credited = true;
		tally_add(&f->responses, i->ms);
		f->skewed += i->skewed;
		if (i->kind == INTERVAL_FIRST_RESPONSE)
			f->first_response = i->ms;
	}
}

/* Sets the start of the wait at the end of the walk. */
static void
take_wait(struct chat_figures *f, const struct clocks *end)
{
	f->waiting_since = end->w;
	if (end->w != CLOCK_NONE && end->f == CLOCK_NONE)
		f->first_since = end->a;
}

struct derived_figures
derive_figures(const struct derive_setting *s, const struct chat *c)
{
	struct collector k = { .setting = s,
		.scratch = s->scratch,
		.out.figures = { .waiting_since = CLOCK_NONE,
		    .first_since = CLOCK_NONE,
		    .first_response = TALLY_NONE } };
	struct clocks_listener listener = { .ctx = &k,
		.on_interval = collect_interval,
		.on_undivided = drop_parts,
		.on_message = collect_message,
		.on_episode = collect_episode };
	struct clocks end = { .w = CLOCK_NONE, .a = CLOCK_NONE };
	struct clocks_chat timeline;
	bool open = chat_may_wait(c);

	s->scratch->intervals_n = 0;
	start_episode(&k);
	if (open || s->past_episodes) {
		timeline = derive_timeline(s, c);
		clocks_walk(s->definition, &timeline, &listener, &end);
	}
	/* As in chat_is_open(), before the figures are stored. */
	open = open && (c->now.status == CHAT_OPEN || end.w != CLOCK_NONE);
	if (end.closed)
		collect_episode(&k, end.ended_at);
	else if (!open)
		start_episode(&k);
	k.out.figures.participants = s->scratch->participants.n;
	/* A chat that is not open has neither a wait nor current figures. */
	if (open) {
		take_wait(&k.out.figures, &end);
		count_responses(&k);
	}
	k.out.intervals = s->scratch->intervals;
	k.out.intervals_n = s->scratch->intervals_n;
	return k.out;
}
