/*
 * allocation_events: events, one after the other: of chats, operators, the
 * clock and snapshots. Of two updates of a chat the newer counts, so that the
 * order in which records come does not matter.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>

/* The newest of what a chat record may leave out counts. */
static bool
is_newer_text(struct text new, int64_t *known_at, int64_t at)
{
	if (new.p == NULL || at < *known_at)
		return false;
	*known_at = at;
	return true;
}

static void
update_customer(struct alloc_chat *c, struct text customer, int64_t at)
{
	if (!is_newer_text(customer, &c->customer_at, at) ||
	    (c->customer_id != NULL && text_is(customer, c->customer_id)))
		return;
	free(c->customer_id);
	c->customer_id = text_dup(customer);
}

/* Tags and channel decide a chat's line: it leaves its place before they
 * change. */
static void
update_required(struct allocation *a, struct alloc_chat *c,
    const struct allocation_chat_update *update)
{
	const struct alloc_tags *tags = c->tags;
	struct alloc_channel *channel = c->channel;

	if (is_newer_text(update->tags, &c->tags_at, update->at))
		tags = alloc_tags_get(a, update->tags);
	if (is_newer_text(update->channel, &c->channel_at, update->at))
		channel = alloc_channel_get(a, update->channel);
	update_customer(c, update->customer, update->at);
	if (tags == c->tags && channel == c->channel)
		return;
	alloc_leave_place(a, c);
	c->tags = tags;
	c->channel = channel;
}

static void
set_assignee(struct alloc_chat *c, struct alloc_operator *o, int64_t at)
{
	if (o != c->assignee) {
		c->held_since = at;
		c->answer = ANSWER_NONE;
		c->assignee = o;
	}
}

/* That a chat is reported again, or closed, makes it no later one. */
static void
remember_operator(struct allocation *a, const struct alloc_chat *c,
    const struct allocation_chat_update *update)
{
	struct alloc_customer_chat chat = { .id = c->id,
		.began = c->arrival > update->opened_at ? c->arrival
							: update->opened_at,
		.had_by = c->assignee };

	if (c->assignee == NULL || a->set.sticky == 0 || c->customer_id == NULL)
		return;
	if (chat.began == CLOCK_NONE)
		chat.began = update->at;
	alloc_customer_set(a, alloc_text_of(c->customer_id), &chat, a->now);
}

static void
keep_assignee_news(
    struct alloc_chat *c, const struct allocation_chat_update *update)
{
	c->assignee_at = update->at;
	c->assignee_status =
	    update->status != CHAT_NONE ? update->status : CHAT_OPEN;
	alloc_keep_message(&c->assignee_by, update->message);
}

/* While a reservation is pending, an update that names whom it replaces is not
 * news: they have the chat till then. As the outcome that, or nobody, is a
 * refusal. */
static void
update_assignee(struct allocation *a, struct alloc_chat *c,
    const struct allocation_chat_update *update)
{
	struct alloc_operator *o = update->assignee.p != NULL
				       ? alloc_operator_get(a, update->assignee)
				       : NULL;
	bool outcome = c->reserved != NULL && update->reservation.p != NULL &&
		       text_is(update->reservation, c->reservation);
	bool pending = c->reserved != NULL;
	bool fulfils = pending && o != NULL && o != c->replaces;
	bool newer = alloc_is_assignee_newer(c, update);

	if (outcome && !fulfils)
		alloc_refuse_reservation(a, c);
	if (!newer && !(outcome && fulfils))
		return;
	if (newer)
		keep_assignee_news(c, update);
	set_assignee(c, o, update->at);
	remember_operator(a, c, update);
	if (fulfils)
		alloc_fulfil_reservation(a, c, o);
}

void
allocation_chat(struct allocation *a, struct text id,
    const struct allocation_chat_update *update)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	c->mark = a->mark;
	alloc_pass_time(a, update->at);
	update_required(a, c, update);
	if (update->status != CHAT_NONE)
		alloc_update_status(a, c, update);
	if (update->has_assignee)
		update_assignee(a, c, update);
	alloc_assume_open(c, update->at != CLOCK_NONE ? update->at : a->now);
	if (update->at > c->newest)
		c->newest = update->at;
	alloc_derive_status(a, c);
	alloc_recompute_chat(a, c);
}

static void
recompute_status(struct allocation *a, struct alloc_chat *c)
{
	enum chat_status before = c->status;

	alloc_derive_status(a, c);
	if (c->status != before)
		alloc_recompute_chat(a, c);
}

void
allocation_message(struct allocation *a, struct text id, int64_t at)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	c->mark = a->mark;
	alloc_pass_time(a, at);
	if (at <= c->newest)
		return;
	c->newest = at;
	alloc_derive_status(a, c);
	alloc_recompute_chat(a, c);
}

enum allocation_chat_state
allocation_chat_state(const struct allocation *a, struct text id)
{
	const struct alloc_chat *c = strmap_get(&a->chats, id.p, id.len);

	if (c == NULL || c->status == CHAT_NONE)
		return ALLOCATION_UNKNOWN;
	if (alloc_is_over(c->status))
		return ALLOCATION_OVER;
	if (c->status != CHAT_OPEN)
		return ALLOCATION_ASIDE;
	return c->assignee != NULL || c->reserved != NULL ? ALLOCATION_HELD
							  : ALLOCATION_WAITS;
}

struct text
allocation_assignee(const struct allocation *a, struct text chat)
{
	const struct alloc_chat *c = strmap_get(&a->chats, chat.p, chat.len);

	return c != NULL && c->assignee != NULL ? c->assignee->id
						: (struct text){ NULL, 0 };
}

void
allocation_answered(struct allocation *a, struct text id, int64_t at)
{
	struct alloc_chat *c = strmap_get(&a->chats, id.p, id.len);

	if (c == NULL || at <= c->answered_at)
		return;
	c->answered_at = at;
	alloc_update_answer(c);
	alloc_recompute_chat(a, c);
}

static void
set_available(struct allocation *a, struct alloc_operator *o, bool available)
{
	if (available == o->available)
		return;
	o->available = available;
	o->away_since = available ? CLOCK_NONE : a->now;
	if (available)
		o->refusals = 0;
	if (available)
		o->paused_until = INT64_MIN;
	alloc_operator_timer(a, o);
}

/* keeps: what is absent is as before. A time that is still to come is now: a
 * wrong clock must not keep what is told later from counting. */
static void
update_available(struct allocation *a, struct alloc_operator *o,
    const struct allocation_operator_update *p, bool keeps)
{
	int64_t at = p->available_at < a->now ? p->available_at : a->now;

	if (!p->has_available && keeps)
		return;
	if (p->has_available && at != CLOCK_NONE && at < o->available_at)
		return;
	set_available(a, o, !p->has_available || p->available);
	o->available_at = p->has_available ? at : CLOCK_NONE;
}

void
allocation_operator(struct allocation *a, struct text id,
    const struct allocation_operator_update *p)
{
	struct alloc_operator *o = alloc_operator_get(a, id);
	bool keeps = o->known && !a->within;
	const struct alloc_tags *tags =
	    p->tags.p != NULL || !keeps ? alloc_tags_get(a, p->tags) : o->tags;
	bool new = !o->known || tags != o->tags;

	o->mark = a->mark;
	alloc_operator_changed(a, o);
	alloc_operator_begin(a, o);
	update_available(a, o, p, keeps);
	o->known = true;
	if (p->max_chats != RECORD_NO_NUMBER || !keeps)
		o->max_chats = p->max_chats;
	o->tags = tags;
	alloc_operator_end(a, o);
	if (new)
		alloc_operator_seats(a, o);
	alloc_recompute_unanswered(a, o);
}

bool
allocation_is_available(const struct allocation *a, struct text id)
{
	const struct alloc_operator *o =
	    strmap_get(&a->operators, id.p, id.len);

	return o != NULL && o->known && o->available;
}

static void
operator_gone(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_changed(a, o);
	alloc_operator_begin(a, o);
	set_available(a, o, false);
	o->available_at = CLOCK_NONE;
	o->known = false;
	alloc_operator_end(a, o);
	alloc_operator_seats(a, o);
	alloc_recompute_unanswered(a, o);
}

void
allocation_snapshot_begin(struct allocation *a)
{
	a->mark++;
	a->within = true;
}

/* These parts of a snapshot are whole. */
static void
set_whole(struct allocation *a, int64_t at, const struct bucket_set *part)
{
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
		if ((part == NULL || bucket_set_has(part, i)) &&
		    at > a->whole_at[i])
			a->whole_at[i] = at;
	a->changed_whole = true;
	a->within = false;
}

static bool
is_in_part(const struct alloc_chat *c, const struct bucket_set *part)
{
	return part == NULL || bucket_set_has(part, c->bucket);
}

static void
list_chat(struct allocation *a, struct alloc_chat *c, int64_t at)
{
	if (at > c->listed_at)
		c->listed_at = at;
	alloc_chat_changed(a, c);
}

/* Chats of a part that is whole: those that it has, and those that left. */
static void
compare_with_snapshot(
    struct allocation *a, int64_t at, const struct bucket_set *part)
{
	const struct strmap_entry *e;
	size_t i;

	for (i = 0; (e = strmap_next(&a->chats, &i)) != NULL;) {
		struct alloc_chat *c = e->value;

		if (c->mark == a->mark && is_in_part(c, part))
			list_chat(a, c, at);
	}
	set_whole(a, at, part);
	for (i = 0; (e = strmap_next(&a->chats, &i)) != NULL;) {
		struct alloc_chat *c = e->value;

		if (is_in_part(c, part))
			recompute_status(a, c);
	}
}

void
allocation_snapshot_end(
    struct allocation *a, int64_t at, const struct bucket_set *part)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((part == NULL || part->all) &&
	       (e = strmap_next(&a->operators, &i)) != NULL) {
		struct alloc_operator *o = e->value;

		if (o->known && o->mark != a->mark)
			operator_gone(a, o);
	}
	compare_with_snapshot(a, at, part);
	alloc_pass_time(a, at);
}

static void
timer_of_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(a, o);
	alloc_operator_end(a, o);
	alloc_recompute_unanswered(a, o);
	alloc_operator_timer(a, o);
}

static void
timer_of_chat(struct allocation *a, struct alloc_chat *c)
{
	if (c->place == PLACE_RESERVED)
		alloc_expire_reservation(c);
	alloc_leave_place(a, c);
	alloc_recompute_chat(a, c);
}

void
allocation_clock(struct allocation *a, int64_t now)
{
	struct treap_node *n;
	struct alloc_timer *t;

	if (now <= a->now)
		return;
	a->now = now;
	while ((n = treap_first(&a->timers)) != NULL) {
		t = TREAP_OF(n, struct alloc_timer, node);
		if (t->due > now)
			break;
		alloc_set_timer(a, t, INT64_MAX);
		if (t->of_operator)
			timer_of_operator(
			    a, TREAP_OF(t, struct alloc_operator, timer));
		else
			timer_of_chat(a, TREAP_OF(t, struct alloc_chat, timer));
	}
}

int64_t
allocation_due(const struct allocation *a)
{
	const struct treap_node *n = treap_first(&a->timers);

	return n != NULL ? TREAP_OF(n, const struct alloc_timer, node)->due
			 : INT64_MAX;
}
