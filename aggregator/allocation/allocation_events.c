/*
 * allocation_events: what happens, one thing after the other: chats, operators,
 * the clock, snapshots. Of what is told of a chat the newest counts, so that
 * the order in which records come does not matter.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* What it is queued by: it leaves its place while that changes. */
static void
take_needs(struct allocation *a, struct alloc_chat *c,
    const struct allocation_told *told)
{
	const struct alloc_tags *tags =
	    told->tags.p != NULL ? alloc_tags_get(a, told->tags) : c->tags;
	struct alloc_channel *channel =
	    told->channel.p != NULL ? alloc_channel_get(a, told->channel)
				    : c->channel;

	if (told->customer.p != NULL &&
	    (c->customer_id == NULL ||
		!text_is(told->customer, c->customer_id))) {
		free(c->customer_id);
		c->customer_id = text_dup(told->customer);
	}
	if (tags == c->tags && channel == c->channel)
		return;
	alloc_leave(a, c);
	c->tags = tags;
	c->channel = channel;
}

static void
set_arrival(struct allocation *a, struct alloc_chat *c, int64_t arrival)
{
	if (arrival == c->arrival)
		return;
	alloc_leave(a, c);
	c->arrival = arrival;
}

static bool
is_of_past(const struct alloc_chat *c, int64_t at)
{
	return c->closed_at != CLOCK_NONE && at <= c->closed_at;
}

/* It is open: the first time that is known of the present episode. A CRM that
 * reopens a chat may go on to tell when it was opened first. */
static void
take_opening(struct allocation *a, struct alloc_chat *c,
    const struct allocation_told *told)
{
	int64_t at = told->opened_at != CLOCK_NONE ? told->opened_at : told->at;

	if (at == CLOCK_NONE)
		at = a->now;
	if (is_of_past(c, at))
		at = told->at;
	/* Opened in the moment of its closing: if it is so now. */
	if (is_of_past(c, at) && told->at < c->status_at)
		return;
	if (c->arrival == CLOCK_NONE || is_of_past(c, c->arrival) ||
	    at < c->arrival ||
	    (c->opened_at != CLOCK_NONE && told->opened_at > c->opened_at))
		set_arrival(a, c, at);
	if (told->opened_at > c->opened_at)
		c->opened_at = told->opened_at;
}

/* The episode ends and nobody had it. */
static void
tell_unserved(const struct allocation *a, const struct alloc_chat *c)
{
	if (a->watch != NULL && a->watch->unserved != NULL &&
	    c->place != PLACE_NONE && c->reserved == NULL && c->holder == NULL)
		a->watch->unserved(a->watch->ctx, c->id, c->arrival);
}

static void
take_status(struct allocation *a, struct alloc_chat *c,
    const struct allocation_told *told)
{
	bool over = told->status == CHAT_CLOSED || told->status == CHAT_GONE;

	if (told->mild && c->status == CHAT_PENDING)
		return;
	if (over && told->at > c->closed_at)
		c->closed_at = told->at;
	if (told->status == CHAT_OPEN)
		take_opening(a, c, told);
	if (told->at >= c->status_at) {
		if (over)
			tell_unserved(a, c);
		c->status_at = told->at;
		c->status = told->status;
		if (over)
			alloc_holding_go(&c->holding, HELD_FREELY);
	} else if (over && c->status == CHAT_OPEN &&
		   is_of_past(c, c->arrival)) {
		/* A closing that comes late: what is open is another one. */
		set_arrival(a, c, c->status_at);
	}
}

static void
set_holder(struct allocation *a, struct alloc_chat *c, struct alloc_operator *o)
{
	if (o != c->holder) {
		alloc_holding_go(&c->holding, HELD_FREELY);
		c->holder = o;
	}
	if (o != NULL && a->set.sticky > 0 && c->customer_id != NULL)
		alloc_customer_set(a,
		    text_of(c->customer_id, strlen(c->customer_id)), o, a->now);
}

/* Who holds it. While a reservation runs, that nobody does is no news. */
static void
take_holder(struct allocation *a, struct alloc_chat *c,
    const struct allocation_told *told)
{
	struct alloc_operator *o =
	    told->holder.p != NULL ? alloc_operator_get(a, told->holder) : NULL;
	bool outcome = c->reserved != NULL && told->reservation.p != NULL &&
		       text_is(told->reservation, c->reservation);
	struct alloc_operator *reserved = c->reserved;

	if (outcome && o == NULL)
		alloc_refuse(a, c);
	if (reserved != NULL && o == NULL && !outcome)
		return;
	if (told->at < c->holder_at && !(outcome && o != NULL))
		return;
	if (told->at > c->holder_at)
		c->holder_at = told->at;
	set_holder(a, c, o);
	if (reserved != NULL && o != NULL)
		alloc_keep(a, c, o);
}

void
allocation_chat(
    struct allocation *a, struct text id, const struct allocation_told *told)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	c->mark = a->mark;
	take_needs(a, c, told);
	if (told->status != CHAT_NONE)
		take_status(a, c, told);
	if (told->has_holder)
		take_holder(a, c, told);
	/* Never described, and given to somebody: it is open. */
	if (c->status == CHAT_NONE && c->arrival == CLOCK_NONE) {
		c->status = CHAT_OPEN;
		c->arrival = told->at != CLOCK_NONE ? told->at : a->now;
	}
	alloc_settle(a, c);
}

/* Nothing is left of it but its key, which is to be deleted. */
static void
forget(struct allocation *a, struct alloc_chat *c)
{
	c->status = CHAT_GONE;
	c->holder = c->reserved = NULL;
	c->gone = true;
	alloc_settle(a, c);
	alloc_set_timer(a, &c->timer, INT64_MAX);
	(void)strmap_delete(&a->chats, c->id.p, c->id.len);
}

void
allocation_chat_left(struct allocation *a, struct text id)
{
	struct alloc_chat *c = strmap_get(&a->chats, id.p, id.len);

	if (c == NULL)
		return;
	tell_unserved(a, c);
	forget(a, c);
}

void
allocation_answered(struct allocation *a, struct text id)
{
	struct alloc_chat *c = strmap_get(&a->chats, id.p, id.len);

	if (c == NULL || c->holding != HELD_OWED)
		return;
	alloc_holding_go(&c->holding, HELD);
	alloc_settle(a, c);
}

/* Those whom they have not answered yet are to be looked at again. */
static void
look_at_owed(struct allocation *a, struct alloc_operator *o)
{
	struct treap_node *n = treap_first(&o->given), *next;

	for (; n != NULL; n = next) {
		next = treap_next(&o->given, n);
		alloc_settle(a, TREAP_OF(n, struct alloc_chat, owed));
	}
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
		o->resting_until = INT64_MIN;
	alloc_operator_timer(a, o);
}

void
allocation_operator(
    struct allocation *a, struct text id, const struct allocation_person *p)
{
	struct alloc_operator *o = alloc_operator_get(a, id);
	const struct alloc_tags *tags =
	    p->tags.p != NULL ? alloc_tags_get(a, p->tags) : o->tags;
	bool new = !o->known || tags != o->tags;

	o->mark = a->mark;
	alloc_operator_changed(a, o);
	alloc_operator_begin(a, o);
	set_available(
	    a, o, p->has_available ? p->available : !o->known || o->available);
	a->counts.operators += !o->known;
	o->known = true;
	if (p->max_chats != RECORD_NO_NUMBER)
		o->max_chats = p->max_chats;
	o->tags = tags;
	alloc_operator_end(a, o);
	if (new)
		alloc_operator_seats(a, o);
	look_at_owed(a, o);
}

static void
operator_gone(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_changed(a, o);
	alloc_operator_begin(a, o);
	set_available(a, o, false);
	a->counts.operators--;
	o->known = false;
	alloc_operator_end(a, o);
	alloc_operator_seats(a, o);
	look_at_owed(a, o);
}

void
allocation_snapshot_begin(struct allocation *a)
{
	a->mark++;
}

static bool
is_newer(const struct alloc_chat *c, int64_t at)
{
	return c->status_at > at || c->holder_at > at;
}

/* It is of the part that the snapshot tells of. */
static bool
is_within(const struct allocation *a, const struct alloc_chat *c,
    const struct bucket_set *part)
{
	return part == NULL ||
	       bucket_set_has(part,
		   bucket_of(a->tenant, strlen(a->tenant), c->id.p, c->id.len));
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
	for (i = 0; (e = strmap_next(&a->chats, &i)) != NULL;) {
		struct alloc_chat *c = e->value;

		if (c->mark != a->mark && c->status == CHAT_OPEN &&
		    !is_newer(c, at) && is_within(a, c, part))
			allocation_chat_left(a, c->id);
	}
}

static void
timer_of_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(a, o);
	alloc_operator_end(a, o);
	look_at_owed(a, o);
	alloc_operator_timer(a, o);
}

static void
timer_of_chat(struct allocation *a, struct alloc_chat *c)
{
	if (c->place == PLACE_PROMISED) {
		c->reserved = NULL;
		a->counts.expired++;
	} else if (c->place == PLACE_NONE && c->status != CHAT_OPEN) {
		forget(a, c);
		return;
	}
	alloc_leave(a, c);
	alloc_settle(a, c);
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
