/*
 * model_lives: merges the messages and the descriptions of a chat by time, and
 * derives the chat's lives, the marks for the clocks, and its present state.
 *
 * A chat that is over and has no record for `memory` ms expires; the next
 * record begins a new life, which knows nothing of the one before. Where a
 * life ends follows from the times of the records alone, so it does not matter
 * whether the chat was still kept.
 *
 * A chat is over, too, while whole snapshots lack it. Most chats were never
 * lacked, or are since they closed: of the newest snapshot that is known from
 * its time and that of the newest one that has the chat. Only when a snapshot
 * comes after one that lacked the chat is that one's time kept with the chat,
 * for as long as it may lie between two of its lives.
 */
#include "aggregator/model/model_impl.h"

#include <string.h>

#include "common/base/xalloc.h"

static bool
is_over_status(enum chat_status s)
{
	return s == CHAT_CLOSED || s == CHAT_GONE;
}

/* The status that a message sets; CHAT_NONE: none. */
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

/* Oldest first. */
static void
gather_descriptions(struct derivation *w, const struct chat *c)
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

static bool
was_missing(
    const struct model *m, const struct chat *c, int64_t last, int64_t at)
{
	int64_t t = model_missing_at(m, c);

	return (t >= last && t < at) || sparse_times_any(c->absences, last, at);
}

static void
add_life(struct derivation *w, size_t message, size_t description)
{
	XGROW(w->lives, w->lives_n, w->lives_cap);
	w->lives[w->lives_n].message = message;
	w->lives[w->lives_n++].description = description;
}

/* All records lie within `memory`: there is one life only. */
static bool
fits_one_life(const struct derivation *w, const struct chat *c)
{
	const struct model *m = w->model;
	int64_t first = c->dropped.at, last = first, at;
	size_t i;

	if (m->memory == 0 || !m->stream)
		return true;
	if (c->n > 0) {
		if (first == CLOCK_NONE)
			first = c->messages[0].at;
		last = c->messages[c->n - 1].at;
	}
	for (i = 0; i < w->descriptions_n; i++) {
		at = w->descriptions[i]->at;
		if (at != CLOCK_NONE && (first == CLOCK_NONE || at < first))
			first = at;
		if (at > last)
			last = at;
	}
	return first == CLOCK_NONE || last - first <= m->memory;
}

void
lives_find(struct derivation *w, const struct chat *c)
{
	const struct model *m = w->model;
	/* A description counts from status_at on, a message behind
	 * described_at: also in the instant of the last that was dropped. */
	int64_t last = c->dropped.at, status_at = c->dropped.status_at, at;
	int64_t described_at = CLOCK_NONE;
	enum chat_status status = c->dropped.status, by;
	size_t i = 0, j = 0;
	bool is_description;

	gather_descriptions(w, c);
	w->lives_n = 0;
	add_life(w, 0, 0);
	if (fits_one_life(w, c))
		return;
	while (i < c->n || j < w->descriptions_n) {
		is_description =
		    j < w->descriptions_n &&
		    (i == c->n || w->descriptions[j]->at <= c->messages[i].at);
		at =
		    is_description ? w->descriptions[j]->at : c->messages[i].at;
		if (last != CLOCK_NONE && at > last && at - last > m->memory &&
		    (is_over_status(status) || was_missing(m, c, last, at))) {
			add_life(w, i, j);
			status = CHAT_OPEN;
			status_at = described_at = CLOCK_NONE;
		}
		if (is_description && at >= status_at) {
			status = status_or_open(w->descriptions[j]);
			status_at = described_at = at;
		} else if (!is_description && at > described_at) {
			by = status_of_message(&c->messages[i]);
			status = by != CHAT_NONE ? by : status;
		}
		*(is_description ? &j : &i) += 1;
		if (at > last)
			last = at;
	}
}

/* Behind the last message and description of a life. */
static struct life
life_end(const struct derivation *w, const struct chat *c, size_t life)
{
	struct life end = { c->n, w->descriptions_n };

	return life + 1 < w->lives_n ? w->lives[life + 1] : end;
}

int64_t
lives_last_at(const struct derivation *w, const struct chat *c, size_t life)
{
	struct life begin = w->lives[life], end = life_end(w, c, life);
	int64_t at = life == 0 ? c->dropped.at : CLOCK_NONE;

	if (end.message > begin.message && c->messages[end.message - 1].at > at)
		at = c->messages[end.message - 1].at;
	if (end.description > begin.description &&
	    w->descriptions[end.description - 1]->at > at)
		at = w->descriptions[end.description - 1]->at;
	return at;
}

static void
inherit(uint32_t *to, uint32_t from)
{
	if (*to == 0)
		*to = from;
}

/* The newest description counts. Fields that do not change, which a closing
 * seldom repeats, are inherited from older ones. */
void
lives_describe(struct chat *c)
{
	const struct description *d = c->descriptions;
	uint32_t n = c->described;

	memset(&c->now, 0, sizeof c->now);
	c->now.at = CLOCK_NONE;
	c->now.opened_at = CLOCK_NONE;
	if (n > 0 && d != NULL) {
		c->now = *d;
		c->now.next = NULL;
		c->now.status = status_or_open(d);
	}
	for (; n > 0 && d != NULL; n--, d = d->next) {
		if (c->now.opened_at == CLOCK_NONE)
			c->now.opened_at = d->opened_at;
		inherit(&c->now.channel, d->channel);
		inherit(&c->now.customer, d->customer);
		inherit(&c->now.customer_name, d->customer_name);
		inherit(&c->now.customer_phone, d->customer_phone);
		inherit(&c->now.tag, d->tag);
	}
}

/* Applies messages after the newest description. Of the same instant the
 * description decides the status, and a transfer the assignee. */
static void
apply_newer_messages(struct chat *c, size_t from, bool first)
{
	int64_t described_at = c->now.at;
	enum chat_status status = CHAT_NONE;
	size_t i;

	if (c->now.status == CHAT_NONE)
		c->now.status = CHAT_OPEN;
	if (first && c->dropped.status_at > described_at)
		c->now.status = c->dropped.status;
	if (first && c->dropped.assignee_at != CLOCK_NONE &&
	    c->dropped.assignee_at >= described_at)
		c->now.assignee = c->dropped.assignee;
	/* The newest message with a status decides. */
	for (i = c->n; i > from && c->messages[i - 1].at > described_at &&
		       status == CHAT_NONE;
	     i--)
		status = status_of_message(&c->messages[i - 1]);
	if (status != CHAT_NONE)
		c->now.status = status;
	for (i = c->n; i > from && c->messages[i - 1].at >= described_at; i--) {
		if (clocks_classify(&c->messages[i - 1]) != EVENT_TRANSFER)
			continue;
		c->now.assignee = c->messages[i - 1].operator_id;
		break;
	}
}

static void
find_newest(struct chat *c)
{
	c->newest = c->dropped.at;
	if (c->n > 0 && c->messages[c->n - 1].at > c->newest)
		c->newest = c->messages[c->n - 1].at;
	if (c->descriptions != NULL && c->descriptions->at > c->newest)
		c->newest = c->descriptions->at;
}

void
lives_set_state(const struct derivation *w, struct chat *c)
{
	struct life present = w->lives[w->lives_n - 1];
	int64_t missed = model_missing_at(w->model, c);

	if (missed < sparse_times_last(c->absences))
		missed = sparse_times_last(c->absences);
	c->described = (uint32_t)(w->descriptions_n - present.description);
	lives_describe(c);
	find_newest(c);
	if (!w->model->stream)
		return;
	apply_newer_messages(c, present.message, w->lives_n == 1);
	/* Only a record newer than the snapshot brings it back. */
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

/* The j-th description reports an opening that none from `from` on told. The
 * latest of those is mostly told again, or followed by a later one. */
static bool
is_new_opening(
    const struct derivation *w, size_t from, size_t j, int64_t *latest)
{
	int64_t at = w->descriptions[j]->opened_at;

	if (at > *latest) {
		*latest = at;
		return true;
	}
	if (at == CLOCK_NONE || at == *latest)
		return false;
	for (; from < j; from++)
		if (w->descriptions[from]->opened_at == at)
			return false;
	return true;
}

/* A mark of before the last dropped message: dropped_history has its effect. Of
 * one instant messages come before a closing. */
static bool
is_in_dropped(
    const struct chat *c, size_t life, int64_t at, enum mark_kind kind)
{
	return life == 0 &&
	       (kind == MARK_CLOSED ? at < c->dropped.at : at <= c->dropped.at);
}

static size_t
make_marks(struct derivation *w, const struct chat *c, size_t life)
{
	struct life begin = w->lives[life], end = life_end(w, c, life);
	const struct dropped_history *f = &c->dropped;
	const struct description *d;
	int64_t opened = CLOCK_NONE;
	size_t j, n = 0;

	for (j = begin.description; j < end.description; j++) {
		d = w->descriptions[j];
		if (is_new_opening(w, begin.description, j, &opened) &&
		    !is_in_dropped(c, life, d->opened_at, MARK_OPENED))
			add_mark(w, &n, d->opened_at, MARK_OPENED, 0);
		/* An older one is in dropped.assignee. */
		if (life > 0 || f->assignee_at == CLOCK_NONE ||
		    d->at > f->assignee_at)
			add_mark(w, &n, d->at, MARK_ASSIGNEE, d->assignee);
		if (d->closed_at != CLOCK_NONE &&
		    !is_in_dropped(c, life, d->closed_at, MARK_CLOSED))
			add_mark(w, &n, d->closed_at, MARK_CLOSED, 0);
	}
	return n;
}

struct clocks_chat
lives_view(struct derivation *w, const struct chat *c, size_t life)
{
	const struct model *m = w->model;
	struct life begin = w->lives[life], end = life_end(w, c, life);
	bool last = life + 1 == w->lives_n;
	struct clocks_chat view = { .messages = c->messages + begin.message,
		.n = end.message - begin.message,
		.opened_at = CLOCK_NONE,
		.assignee = c->now.assignee,
		.as_of = m->as_of,
		.guess_limit_ms = m->stream ? m->memory : 0,
		.ongoing = last && chat_is_open(c) };
	size_t j;

	view.marks_n = make_marks(w, c, life);
	view.marks = w->marks;
	if (life == 0) {
		view.first_assignee = c->dropped.assignee;
		view.first_assignee_known =
		    c->dropped.assignee_at != CLOCK_NONE;
		view.first_state = c->dropped.episode;
	}
	for (j = begin.description;
	     j < end.description && view.opened_at == CLOCK_NONE; j++)
		view.opened_at = w->descriptions[j]->opened_at;
	/* Messages before it keep the opening that they had. */
	if (m->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	if (!last && end.description > begin.description)
		view.assignee = w->descriptions[end.description - 1]->assignee;
	else if (!last)
		view.assignee = 0;
	return view;
}

struct clocks_chat
model_clocks_chat(const struct model *m, const struct chat *c)
{
	struct derivation *w = &m->private->derivation;

	lives_find(w, c);
	return lives_view(w, c, w->lives_n - 1);
}

void
lives_drop_messages(struct model *m, struct chat *c, size_t messages)
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

void
lives_add_absence(const struct model *m, struct chat *c, int64_t at)
{
	sparse_times_add(&c->absences, at, m->memory);
}

/* The newest record up to a time and the oldest one behind it. */
struct gap {
	int64_t at, from, to;
};

static void
narrow_gap(struct gap *g, int64_t at)
{
	if (at > g->at && (g->to == CLOCK_NONE || at < g->to))
		g->to = at;
	else if (at <= g->at && at > g->from)
		g->from = at;
}

static struct gap
find_gap(const struct chat *c, int64_t at)
{
	struct gap g = { at, CLOCK_NONE, CLOCK_NONE };
	const struct description *d;
	size_t i;

	narrow_gap(&g, c->dropped.at);
	for (d = c->descriptions; d != NULL; d = d->next)
		narrow_gap(&g, d->at);
	for (i = 0; i < c->n; i++)
		narrow_gap(&g, c->messages[i].at);
	return g;
}

bool
lives_are_parted(const struct model *m, const struct chat *c, int64_t at)
{
	struct gap g = find_gap(c, at);

	return m->memory > 0 && g.from != CLOCK_NONE && g.to != CLOCK_NONE &&
	       g.to - g.from > m->memory;
}

struct absence_filter {
	const struct model *model;
	const struct chat *chat;
};

/* A record that lies between the two, or behind the absence, may come while
 * that is not late. Between lives it stays as long as the former one. */
static bool
is_absence_needed(void *ctx, int64_t at)
{
	const struct absence_filter *f = ctx;
	const struct model *m = f->model;
	const struct chat *c = f->chat;
	struct gap g;

	if (at < c->dropped.at)
		return false;
	g = find_gap(c, at);
	if (g.from == CLOCK_NONE || g.to == CLOCK_NONE)
		return g.from != CLOCK_NONE;
	return g.to - g.from > m->memory || !model_is_late(m, g.to);
}

void
lives_drop_absences(const struct model *m, struct chat *c)
{
	struct absence_filter f = { m, c };

	sparse_times_filter(&c->absences, is_absence_needed, &f);
}
