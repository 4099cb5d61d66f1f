/*
 * allocation_status: the status of a chat, its arrival and its end. Chat
 * records, closings and openings say the status; after them a customer's
 * message opens a chat that is not pending, and a bot's hand-over one that is
 * not over. The newest of each kind is kept, so that the order in which they
 * come does not matter.
 */
#include "aggregator/allocation/allocation_impl.h"

/* Older than all others of its time. */
static const struct text no_message = { "", 0 };

/* by: the message that reports it; p NULL: a chat record does. */
static void
set_arrival(
    struct allocation *a, struct alloc_chat *c, int64_t arrival, struct text by)
{
	c->arrival_over = false;
	alloc_keep_message(&c->arrival_by, by);
	if (arrival == c->arrival)
		return;
	alloc_leave_place(a, c);
	c->arrival = arrival;
}

static bool
is_of_past(const struct alloc_chat *c, int64_t at)
{
	return c->closed_at != CLOCK_NONE && at <= c->closed_at;
}

/* There is no arrival, or that of an episode before. */
static bool
is_arrival_past(const struct alloc_chat *c)
{
	return c->arrival == CLOCK_NONE || c->arrival < c->closed_at ||
	       (c->arrival == c->closed_at && c->arrival_over);
}

/* What an update of the arrival's time is newer than. */
static struct alloc_news
arrival_news(const struct alloc_chat *c)
{
	return (struct alloc_news){ c->arrival, c->arrival_by, CHAT_OPEN };
}

/* The chat's opened_at is that of the present episode. */
static bool
is_opening_known(const struct alloc_chat *c)
{
	return c->opened_at != CLOCK_NONE && !is_of_past(c, c->opened_at);
}

static bool
is_after_said(const struct alloc_chat *c, const struct alloc_news *x)
{
	const struct allocation_chat_update update = { .at = x->at,
		.message = alloc_text_of(x->by),
		.status = x->status };

	return x->status != CHAT_NONE && alloc_is_news_newer(&c->said, &update);
}

/* What opened the chat since its status was said; NULL: nothing. */
static const struct alloc_news *
opened_since(const struct alloc_chat *c)
{
	if (c->said.status == CHAT_OPEN)
		return NULL;
	if (c->said.status != CHAT_PENDING && is_after_said(c, &c->wrote))
		return &c->wrote;
	if (!alloc_is_over(c->said.status) && is_after_said(c, &c->handed))
		return &c->handed;
	return NULL;
}

/* By records, without snapshots. */
static enum chat_status
reported_status(const struct alloc_chat *c)
{
	return opened_since(c) != NULL ? CHAT_OPEN : c->said.status;
}

/* False for what changed nothing when it happened, as far as is known: a
 * customer wrote to a bot, or a chat was handed over that was closed. */
static bool
shows_open(
    const struct alloc_chat *c, const struct allocation_chat_update *update)
{
	if (update->keeps_pending)
		return c->said.status != CHAT_PENDING ||
		       (is_after_said(c, &c->handed) &&
			   c->handed.at <= update->at);
	return update->status == CHAT_OPEN &&
	       !(update->hands_over && alloc_is_over(c->said.status));
}

/* The chat is open: its arrival is the opened_at of the present episode, of
 * several the latest, else the first known time of it. A CRM that reopens a
 * chat may go on to give the time of its first opening. */
static void
update_opening(struct allocation *a, struct alloc_chat *c,
    const struct allocation_chat_update *update)
{
	int64_t opened = update->opened_at;
	int64_t at = update->at != CLOCK_NONE ? update->at : a->now;
	bool known = is_opening_known(c);
	struct alloc_news arrived = arrival_news(c);

	if (opened != CLOCK_NONE && !is_of_past(c, opened)) {
		if (known && opened <= c->opened_at)
			return;
		c->opened_at = opened;
		set_arrival(a, c, opened, no_message);
		return;
	}
	/* At the time of its closing, what is newer counts. */
	if (known ||
	    (is_of_past(c, at) && !alloc_is_news_newer(&c->said, update)))
		return;
	if (is_arrival_past(c) || at < c->arrival ||
	    (at == c->arrival && alloc_is_news_newer(&arrived, update)))
		set_arrival(a, c, at, update->message);
}

/* What said the status may come late: then what opened the chat after it
 * decides the arrival, if anything did. */
static void
correct_arrival(struct allocation *a, struct alloc_chat *c, bool newer)
{
	const struct alloc_news *by = opened_since(c);
	bool later = c->arrival > c->said.at;

	if (is_opening_known(c))
		return;
	if (reported_status(c) != CHAT_OPEN) {
		if (later)
			set_arrival(a, c, CLOCK_NONE, no_message);
	} else if (is_arrival_past(c)) {
		by = by != NULL ? by : &c->said;
		set_arrival(a, c, by->at, alloc_text_of(by->by));
	} else if (newer && later && c->said.status == CHAT_PENDING &&
		   c->arrival < c->handed.at) {
		set_arrival(a, c, c->handed.at, alloc_text_of(c->handed.by));
	}
}

static void
keep_news(struct alloc_news *x, const struct allocation_chat_update *update)
{
	alloc_keep_message(&x->by, update->message);
	x->at = update->at;
	x->status = update->status;
}

/* At the time of the arrival the newer of both counts. */
static void
note_closing(struct alloc_chat *c, const struct allocation_chat_update *update)
{
	struct alloc_news arrived = arrival_news(c);

	if (update->at == c->arrival && alloc_is_news_newer(&arrived, update))
		c->arrival_over = true;
	if (update->at > c->closed_at)
		c->closed_at = update->at;
}

void
alloc_update_status(struct allocation *a, struct alloc_chat *c,
    const struct allocation_chat_update *update)
{
	struct alloc_news *x = update->keeps_pending ? &c->wrote
			       : update->hands_over  ? &c->handed
						     : &c->said;
	bool newer = alloc_is_news_newer(x, update);

	if (alloc_is_over(update->status))
		note_closing(c, update);
	if (shows_open(c, update))
		update_opening(a, c, update);
	if (newer)
		keep_news(x, update);
	if (x == &c->said)
		correct_arrival(a, c, newer);
}

void
alloc_assume_open(struct alloc_chat *c, int64_t arrival)
{
	if (c->arrival != CLOCK_NONE || reported_status(c) != CHAT_NONE)
		return;
	c->said.status = CHAT_OPEN;
	alloc_keep_message(&c->said.by, no_message);
	c->arrival = arrival;
	alloc_keep_message(&c->arrival_by, no_message);
}

void
alloc_derive_status(struct allocation *a, struct alloc_chat *c)
{
	int64_t whole = a->whole_at[c->bucket];

	c->status = whole > c->listed_at && whole >= c->newest
			? CHAT_GONE
			: reported_status(c);
	if (!alloc_is_over(c->status))
		return;
	c->answer = ANSWER_NONE;
	c->failures = 0;
	c->refusals_n = 0;
}

/* The struct stays until its key was deleted from the state. */
static void
forget_chat(struct allocation *a, struct alloc_chat *c)
{
	c->status = CHAT_GONE;
	c->assignee = c->reserved = NULL;
	c->deleted = true;
	alloc_recompute_chat(a, c);
	(void)strmap_delete(&a->chats, c->id.p, c->id.len);
}

void
alloc_forget_chats(struct allocation *a)
{
	const struct treap_node *n;
	struct alloc_chat *c;

	while ((n = treap_first(&a->expiring)) != NULL) {
		c = TREAP_OF(n, struct alloc_chat, in_expiring);
		if (c->newest + 2 * a->set.window >= a->newest)
			break;
		forget_chat(a, c);
	}
}
