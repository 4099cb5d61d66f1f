/*
 * allocation_reservation: which operator gets the next chat, and the life of
 * the reservation: its outcome, and the pauses after a refusal.
 * allocation_order.c orders operators with free slots.
 *
 * An operator who has refused a chat is not asked again before a pause ends; an
 * operator who has refused several chats in a row gets no chat during a pause.
 * Each pause is twice as long as the previous one.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/digest/hash.h"
#include "common/text/jsonw.h"

/* After this many consecutive refusals an operator pauses for all chats. */
#define REFUSALS_OF_ONE 3

/* Returns the length of the pause after the n-th refusal. */
static int64_t
pause_after(const struct allocation *a, unsigned n)
{
	int64_t p = a->set.pause;

	while (n-- > 1 && p < ALLOCATION_LONGEST_PAUSE)
		p *= 2;
	return p < ALLOCATION_LONGEST_PAUSE ? p : ALLOCATION_LONGEST_PAUSE;
}

/* No operator is asked before their pause ends, so at most one refusal of each
 * operator remains. */
static void
drop_ended_pauses(const struct allocation *a, struct alloc_chat *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now)
			c->refusals[n++] = c->refusals[i];
	c->refusals_n = n;
}

static void
pause_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(o);
	if (++o->refusals >= REFUSALS_OF_ONE) {
		o->paused_until =
		    a->now + pause_after(a, o->refusals - REFUSALS_OF_ONE + 1);
		alloc_set_timer(a, &o->timer, o->paused_until);
	}
	alloc_operator_end(a, o);
}

void
alloc_refuse_reservation(struct allocation *a, struct alloc_chat *c)
{
	struct alloc_refusal *r;

	c->failures++;
	drop_ended_pauses(a, c);
	XGROW(c->refusals, c->refusals_n, c->refusals_cap);
	r = &c->refusals[c->refusals_n++];
	r->by = c->reserved;
	r->until = a->now + pause_after(a, c->failures);
	pause_operator(a, c->reserved);
	c->reserved = NULL;
}

/* Returns the time at which the first operator who refused the chat may be
 * asked again. */
static int64_t
when_pause_ends(const struct allocation *a, const struct alloc_chat *c)
{
	int64_t first = a->now + ALLOCATION_LONGEST_PAUSE;
	size_t i;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now &&
		    c->refusals[i].until < first)
			first = c->refusals[i].until;
	return first;
}

void
alloc_fulfil_reservation(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *assignee)
{
	c->given_to = assignee == c->reserved ? assignee : NULL;
	c->given_at = c->reserved_at;
	c->assigned_at = a->now;
	c->failures = 0;
	c->refusals_n = 0;
	c->reserved->refusals = 0;
	c->reserved = NULL;
}

/* The id is unique, and the same in a replay. */
static void
name_reservation(const struct allocation *a, struct alloc_chat *c)
{
	uint64_t h;

	h = checksum(0, a->tenant, strlen(a->tenant) + 1);
	h = checksum(h, c->entry.id.p, c->entry.id.len);
	h = checksum(h, c->reserved->entry.id.p, c->reserved->entry.id.len);
	(void)snprintf(c->reservation, sizeof c->reservation,
	    "%" PRId64 "-%016" PRIx64, c->reserved_at, h);
}

static struct allocation_reservation
reservation_of(const struct allocation *a, const struct alloc_chat *c)
{
	return (struct allocation_reservation){ .tenant = a->tenant,
		.chat = c->entry.id,
		.operator_id = c->reserved->entry.id,
		.replaces = c->replaces != NULL ? c->replaces->entry.id
						: (struct text){ NULL, 0 },
		.id = c->reservation,
		.at = c->reserved_at,
		.expires = c->expires,
		.arrival = c->arrival,
		.max_chats = alloc_limit_of(a, c->reserved) };
}

static void
reserve(struct allocation *a, struct alloc_chat *c, struct alloc_operator *o)
{
	struct allocation_reservation p;

	alloc_operator_begin(o);
	o->last_reservation = ++a->reservations;
	alloc_entry_changed(a, &o->entry);
	alloc_operator_end(a, o);
	c->reserved = o;
	c->replaces = c->assignee;
	c->reserved_at = a->now;
	c->expires = a->now + a->set.expiry;
	name_reservation(a, c);
	alloc_recompute_chat(a, c);
	p = reservation_of(a, c);
	if (a->listener != NULL && a->listener->reserved != NULL)
		a->listener->reserved(a->listener->ctx, &p);
}

/* Returns the operator of this customer's last chat, or NULL. */
static struct alloc_operator *
last_operator_of(const struct allocation *a, const struct alloc_chat *c)
{
	const struct alloc_customer *known;

	if (a->set.sticky == 0 || c->customer_id == NULL)
		return NULL;
	known =
	    strmap_get(&a->customers, c->customer_id, strlen(c->customer_id));
	if (known == NULL || known->at < a->now - a->set.sticky)
		return NULL;
	return known->last;
}

static void
postpone_chat(struct allocation *a, struct alloc_chat *c,
    enum alloc_place place, struct treap *where, int64_t until)
{
	treap_remove(&c->line->queue, &c->node);
	c->place = place;
	treap_add(where, &c->node);
	alloc_set_timer(a, &c->timer, until);
	alloc_line_update(a, c->line);
}

/* Selects an operator for the first chat of the line; returns NULL if there is
 * none and the chat was postponed. */
static struct alloc_operator *
select_operator(
    struct allocation *a, struct alloc_line *l, struct alloc_chat *c)
{
	struct alloc_operator *last =
	    c->awaited != NULL ? c->awaited : last_operator_of(a, c);
	struct alloc_operator *o;
	const struct treap_node *n;
	struct alloc_service *s;

	if (last != NULL && last != c->assignee && !alloc_refused(a, c, last)) {
		s = alloc_service_of(last, l);
		if (s != NULL && treap_has(&s->node))
			return last;
		if (s != NULL && last->available && a->set.sticky_for > 0 &&
		    c->arrival + a->set.sticky_for > a->now) {
			c->awaited = last;
			postpone_chat(a, c, PLACE_AWAITING, &s->awaited,
			    c->arrival + a->set.sticky_for);
			return NULL;
		}
	}
	for (n = treap_first(&l->free); n != NULL; n = treap_next(n)) {
		o = TREAP_OF(n, const struct alloc_service, node)->owner;
		if (o != c->assignee && !alloc_refused(a, c, o))
			return o;
	}
	postpone_chat(a, c, PLACE_PAUSED, &l->paused, when_pause_ends(a, c));
	return NULL;
}

size_t
allocation_select(struct allocation *a)
{
	struct treap_node *n;
	struct alloc_operator *o;
	struct alloc_chat *c;
	struct alloc_line *l;
	size_t reserved = 0;

	while ((n = treap_first(&a->ready)) != NULL) {
		l = TREAP_OF(n, struct alloc_line, node);
		c = TREAP_OF(treap_first(&l->queue), struct alloc_chat, node);
		o = select_operator(a, l, c);
		if (o == NULL)
			continue;
		reserve(a, c, o);
		reserved++;
	}
	return reserved;
}

void
allocation_write(const struct allocation_reservation *p, struct buf *to)
{
	jsonw_open(to);
	jsonw_str(to, "type", "assignment");
	jsonw_str(to, "tenant", p->tenant);
	if (p->simulated)
		jsonw_bool(to, "simulated", true);
	jsonw_str(to, "id", p->id);
	jsonw_text(to, "chat", p->chat);
	jsonw_text(to, "operator", p->operator_id);
	if (p->replaces.p != NULL)
		jsonw_text(to, "replaces", p->replaces);
	jsonw_time(to, "at", p->at);
	jsonw_time(to, "expires", p->expires);
	jsonw_int(to, "max_chats", p->max_chats);
	jsonw_close(to);
}
