/*
 * model_lives: what is known of a chat, in order of time: the lives it had,
 * what its chat records told of each instant, and how it stands now. All of it
 * follows from the chat's records and their times alone.
 *
 * A chat that is over and of which nothing came for `memory` is forgotten:
 * what comes then begins a new life, in which nothing is known of the one
 * before, whether its records are still held or not.
 */
#include "aggregator/model/model_impl.h"

#include <string.h>

#include "common/base/xalloc.h"

static bool
is_over_status(enum chat_status s)
{
	return s == CHAT_CLOSED || s == CHAT_GONE;
}

/* What a message says of the chat's status; CHAT_NONE: nothing. */
static enum chat_status
status_by(const struct message *m)
{
	switch (clocks_classify(m)) {
	case HAPPENS_CLOSED:
		return CHAT_CLOSED;
	case HAPPENS_REOPENED:
	case HAPPENS_CUSTOMER_WRITES:
		return CHAT_OPEN;
	case HAPPENS_TRANSFER:
	case HAPPENS_NOTHING:
	case HAPPENS_HUMAN_ANSWERS:
	case HAPPENS_BOT_ANSWERS:
	case HAPPENS_HANDOFF:
	case EVENT_KINDS:
		break;
	}
	return CHAT_NONE;
}

/* Oldest first. */
static void
gather_descriptions(struct model_private *p, const struct chat *c)
{
	const struct description *d;
	size_t i;

	p->said_n = 0;
	for (d = c->descriptions; d != NULL; d = d->next) {
		XGROW(p->said, p->said_n, p->said_cap);
		p->said[p->said_n++] = d;
	}
	for (i = 0; i < p->said_n / 2; i++) {
		d = p->said[i];
		p->said[i] = p->said[p->said_n - 1 - i];
		p->said[p->said_n - 1 - i] = d;
	}
}

/* The newest whole snapshot that did not have the chat, though it is told of
 * chats like it; CLOCK_NONE: there is none. */
static int64_t
missed_at(const struct model *m, const struct chat *c)
{
	int64_t at;

	if (!m->corrected)
		return CLOCK_NONE;
	at = m->whole_at[c->bucket];
	return at > c->listed_at ? at : CLOCK_NONE;
}

static bool
is_missed(const struct model *m, const struct chat *c, int64_t last, int64_t at)
{
	int64_t t = missed_at(m, c);

	return (t >= last && t < at) ||
	       (c->absent_at >= last && c->absent_at < at);
}

static void
add_life(struct model_private *p, size_t message, size_t said)
{
	XGROW(p->lives, p->lives_n, p->lives_cap);
	p->lives[p->lives_n].message = message;
	p->lives[p->lives_n++].said = said;
}

/* The time between the first and the last of all that is known is short. */
static bool
is_brief(const struct model *m, const struct chat *c)
{
	const struct model_private *p = m->private;
	int64_t first = c->forgotten.at, last = first, at;
	size_t i;

	if (m->memory == 0 || !m->stream)
		return true;
	if (c->n > 0) {
		if (first == CLOCK_NONE)
			first = c->messages[0].at;
		last = c->messages[c->n - 1].at;
	}
	for (i = 0; i < p->said_n; i++) {
		at = p->said[i]->at;
		if (at != CLOCK_NONE && (first == CLOCK_NONE || at < first))
			first = at;
		if (at > last)
			last = at;
	}
	return first == CLOCK_NONE || last - first <= m->memory;
}

void
lives_find(const struct model *m, const struct chat *c)
{
	struct model_private *p = m->private;
	int64_t last = c->forgotten.at, said_at = c->forgotten.status_at, at;
	enum chat_status status = c->forgotten.status, by;
	size_t i = 0, j = 0;
	bool says;

	gather_descriptions(p, c);
	p->lives_n = 0;
	add_life(p, 0, 0);
	if (is_brief(m, c))
		return;
	while (i < c->n || j < p->said_n) {
		says = j < p->said_n &&
		       (i == c->n || p->said[j]->at <= c->messages[i].at);
		at = says ? p->said[j]->at : c->messages[i].at;
		if (last != CLOCK_NONE && at > last && at - last > m->memory &&
		    (is_over_status(status) || is_missed(m, c, last, at))) {
			add_life(p, i, j);
			status = CHAT_OPEN;
			said_at = CLOCK_NONE;
		}
		if (says && at >= said_at) {
			status = status_said(p->said[j]);
			said_at = at;
		}
		by = says || at <= said_at ? CHAT_NONE
					   : status_by(&c->messages[i]);
		if (by != CHAT_NONE)
			status = by;
		*(says ? &j : &i) += 1;
		if (at > last)
			last = at;
	}
}

/* Where a life ends: its messages, what was said in it. */
static struct life
life_end(const struct model *m, const struct chat *c, size_t life)
{
	const struct model_private *p = m->private;
	struct life end = { c->n, p->said_n };

	return life + 1 < p->lives_n ? p->lives[life + 1] : end;
}

int64_t
lives_last_at(const struct model *m, const struct chat *c, size_t life)
{
	const struct model_private *p = m->private;
	struct life begin = p->lives[life], end = life_end(m, c, life);
	int64_t at = life == 0 ? c->forgotten.at : CLOCK_NONE;

	if (end.message > begin.message && c->messages[end.message - 1].at > at)
		at = c->messages[end.message - 1].at;
	if (end.said > begin.said && p->said[end.said - 1]->at > at)
		at = p->said[end.said - 1]->at;
	return at;
}

static void
inherit(uint32_t *to, uint32_t from)
{
	if (*to == 0)
		*to = from;
}

/* The newest description counts; what it leaves out of the unchanging things
 * (a closing seldom tells the channel) is taken from the one before. */
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
		c->now.status = status_said(d);
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

/* What happened after the chat was described decides. At the same instant the
 * description does, of the status; and a transfer, of the holder. */
static void
follow_stream(struct chat *c, size_t from, bool first)
{
	int64_t described_at = c->now.at;
	enum chat_status status = CHAT_NONE;
	size_t i;

	if (c->now.status == CHAT_NONE)
		c->now.status = CHAT_OPEN;
	if (first && c->forgotten.status_at > described_at)
		c->now.status = c->forgotten.status;
	if (first && c->forgotten.holder_at != CLOCK_NONE &&
	    c->forgotten.holder_at >= described_at)
		c->now.holder = c->forgotten.holder;
	/* The newest decides: backwards until what is described. */
	for (i = c->n; i > from && c->messages[i - 1].at > described_at &&
		       status == CHAT_NONE;
	     i--)
		status = status_by(&c->messages[i - 1]);
	if (status != CHAT_NONE)
		c->now.status = status;
	for (i = c->n; i > from && c->messages[i - 1].at >= described_at; i--) {
		if (clocks_classify(&c->messages[i - 1]) != HAPPENS_TRANSFER)
			continue;
		c->now.holder = c->messages[i - 1].operator_id;
		break;
	}
}

static void
find_newest(struct chat *c)
{
	c->newest = c->forgotten.at;
	if (c->n > 0 && c->messages[c->n - 1].at > c->newest)
		c->newest = c->messages[c->n - 1].at;
	if (c->descriptions != NULL && c->descriptions->at > c->newest)
		c->newest = c->descriptions->at;
}

void
lives_stand(const struct model *m, struct chat *c)
{
	const struct model_private *p = m->private;
	struct life present = p->lives[p->lives_n - 1];
	int64_t missed = missed_at(m, c);

	c->described = (uint32_t)(p->said_n - present.said);
	lives_describe(c);
	find_newest(c);
	if (!m->stream)
		return;
	follow_stream(c, present.message, p->lives_n == 1);
	/* Only what is newer than the snapshot brings it back. */
	if (missed != CLOCK_NONE && missed >= c->newest) {
		c->now.status = CHAT_GONE;
		c->absent_at = missed;
	}
}

static void
add_mark(struct model_private *p, size_t *n, int64_t at, enum mark_kind kind,
    uint32_t holder)
{
	struct mark x = { .at = at, .kind = kind, .holder = holder };
	size_t i;

	XGROW(p->marks, *n, p->marks_cap);
	for (i = (*n)++; i > 0 && (p->marks[i - 1].at > at ||
				      (p->marks[i - 1].at == at &&
					  p->marks[i - 1].kind > kind));
	     i--)
		p->marks[i] = p->marks[i - 1];
	p->marks[i] = x;
}

static bool
is_told_before(const struct model_private *p, size_t from, size_t j)
{
	for (; from < j; from++)
		if (p->said[from]->opened_at == p->said[j]->opened_at)
			return true;
	return false;
}

/* How the forgotten messages stand has it: it was before the last of them. Of
 * one instant messages come before a closing. */
static bool
is_passed(const struct chat *c, size_t life, int64_t at, enum mark_kind kind)
{
	return life == 0 && (kind == MARK_CLOSED ? at < c->forgotten.at
						 : at <= c->forgotten.at);
}

static size_t
make_marks(const struct model *m, const struct chat *c, size_t life)
{
	struct model_private *p = m->private;
	struct life begin = p->lives[life], end = life_end(m, c, life);
	const struct forgotten *f = &c->forgotten;
	const struct description *d;
	size_t j, n = 0;

	for (j = begin.said; j < end.said; j++) {
		d = p->said[j];
		if (d->opened_at != CLOCK_NONE &&
		    !is_told_before(p, begin.said, j) &&
		    !is_passed(c, life, d->opened_at, MARK_OPENED))
			add_mark(p, &n, d->opened_at, MARK_OPENED, 0);
		/* What is forgotten has it in its holder. */
		if (life > 0 || f->holder_at == CLOCK_NONE ||
		    d->at > f->holder_at)
			add_mark(p, &n, d->at, MARK_HOLDER, d->holder);
		if (d->closed_at != CLOCK_NONE &&
		    !is_passed(c, life, d->closed_at, MARK_CLOSED))
			add_mark(p, &n, d->closed_at, MARK_CLOSED, 0);
	}
	return n;
}

struct clocks_chat
lives_view(const struct model *m, const struct chat *c, size_t life)
{
	const struct model_private *p = m->private;
	struct life begin = p->lives[life], end = life_end(m, c, life);
	bool last = life + 1 == p->lives_n;
	struct clocks_chat view = { .messages = c->messages + begin.message,
		.n = end.message - begin.message,
		.opened_at = CLOCK_NONE,
		.holder = c->now.holder,
		.as_of = m->as_of,
		.reach = m->stream ? m->memory : 0,
		.ongoing = last && chat_is_open(c) };
	size_t j;

	view.marks_n = make_marks(m, c, life);
	view.marks = p->marks;
	if (life == 0) {
		view.first_holder = c->forgotten.holder;
		view.knows_first = c->forgotten.holder_at != CLOCK_NONE;
		view.first_stand = c->forgotten.stand;
	}
	for (j = begin.said; j < end.said && view.opened_at == CLOCK_NONE; j++)
		view.opened_at = p->said[j]->opened_at;
	/* What was written before keeps what it had. */
	if (m->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	if (!last && end.said > begin.said)
		view.holder = p->said[end.said - 1]->holder;
	else if (!last)
		view.holder = 0;
	return view;
}

struct clocks_chat
model_clocks_chat(const struct model *m, const struct chat *c)
{
	lives_find(m, c);
	return lives_view(m, c, m->private->lives_n - 1);
}

void
lives_forget(struct model *m, struct chat *c, size_t messages)
{
	struct forgotten *f = &c->forgotten;
	enum chat_status status;
	size_t i;

	for (i = 0; i < messages; i++) {
		status = status_by(&c->messages[i]);
		if (status != CHAT_NONE) {
			f->status = status;
			f->status_at = c->messages[i].at;
		}
	}
	if (messages > 0 && c->messages[messages - 1].at > f->at)
		f->at = c->messages[messages - 1].at;
	chats_drop_messages(m, c, messages);
}
