/*
 * allocation_reservation: names, expiry, outcomes and records of reservations,
 * and the outbox of reservations to publish.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/digest/checksum.h"
#include "common/text/jsonw.h"

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
	return (struct allocation_reservation){ .chat = c->entry.id,
		.operator_id = c->reserved->entry.id,
		.replaces = c->replaces != NULL ? c->replaces->entry.id
						: (struct text){ NULL, 0 },
		.id = c->reservation,
		.at = c->reserved_at,
		.expires = c->expires,
		.arrival = c->arrival,
		.max_chats = alloc_limit_of(a, c->reserved) };
}

void
alloc_reserve(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *o)
{
	struct allocation_reservation p;

	alloc_operator_begin(a, o);
	c->reservation_number = o->last_reservation = ++a->reservations;
	alloc_entry_changed(a, &o->entry);
	alloc_operator_end(a, o);
	c->reserved = o;
	c->replaces = c->assignee;
	c->reserved_at = a->now;
	c->expires = a->now + a->set.expiry;
	name_reservation(a, c);
	alloc_recompute_chat(a, c);
	treap_add(&a->outbox, &c->in_outbox);
	p = reservation_of(a, c);
	if (a->listener != NULL && a->listener->reserved != NULL)
		a->listener->reserved(a->listener->ctx, &p);
}

void
alloc_refuse_reservation(struct allocation *a, struct alloc_chat *c)
{
	alloc_refusal_add(a, c, c->reserved);
	c->reserved = NULL;
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

void
allocation_outbox_each(
    const struct allocation *a, allocation_reservation_fn *each, void *ctx)
{
	const struct treap_node *n = treap_first(&a->outbox);
	struct allocation_reservation p;

	for (; n != NULL; n = treap_next(n)) {
		p = reservation_of(
		    a, TREAP_OF(n, const struct alloc_chat, in_outbox));
		each(ctx, &p);
	}
}

void
allocation_outbox_sent(struct allocation *a)
{
	struct treap_node *n;
	struct alloc_chat *c;

	while ((n = treap_first(&a->outbox)) != NULL) {
		c = TREAP_OF(n, struct alloc_chat, in_outbox);
		treap_remove(&a->outbox, n);
		alloc_entry_changed(a, &c->entry);
	}
}

void
allocation_write(
    const char *tenant, const struct allocation_reservation *p, struct buf *to)
{
	jsonw_open(to);
	jsonw_str(to, "type", "assignment");
	jsonw_str(to, "tenant", tenant);
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
