/*
 * allocation_select: selects the operator of the next chat. allocation_order.c
 * orders operators with free slots.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <string.h>

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
	struct alloc_seat *s;

	if (last != NULL && last != c->assignee && !alloc_refused(a, c, last)) {
		s = alloc_seat_of(last, l);
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
	for (n = treap_first(&l->seats); n != NULL; n = treap_next(n)) {
		o = TREAP_OF(n, const struct alloc_seat, node)->owner;
		if (o != c->assignee && !alloc_refused(a, c, o))
			return o;
	}
	postpone_chat(a, c, PLACE_PAUSED, &l->paused, alloc_pause_ends(a, c));
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
		alloc_reserve(a, c, o);
		reserved++;
	}
	return reserved;
}
