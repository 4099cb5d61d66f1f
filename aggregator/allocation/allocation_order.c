/*
 * allocation_order: the orders of the treaps of waiting chats, lines,
 * operators, timers and reservations. All elements of a treap differ in its
 * order.
 */
#include "aggregator/allocation/allocation_impl.h"

static int
compare_ids(struct text a, struct text b)
{
	return id_compare(a.p, a.len, b.p, b.len);
}

static int
by_arrival(const struct alloc_chat *a, const struct alloc_chat *b)
{
	if (a->arrival != b->arrival)
		return a->arrival < b->arrival ? -1 : 1;
	return compare_ids(a->entry.id, b->entry.id);
}

int
alloc_compare_chats(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_chat, node),
	    TREAP_OF(y, const struct alloc_chat, node));
}

int
alloc_compare_lines(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_line, node)->head,
	    TREAP_OF(y, const struct alloc_line, node)->head);
}

/* The operator who gets the next chat comes first. */
int
alloc_compare_free(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_operator *a =
	    TREAP_OF(x, const struct alloc_service, node)->owner;
	const struct alloc_operator *b =
	    TREAP_OF(y, const struct alloc_service, node)->owner;

	if (a->load != b->load)
		return a->load < b->load ? -1 : 1;
	if (a->last_reservation != b->last_reservation)
		return a->last_reservation < b->last_reservation ? -1 : 1;
	return compare_ids(a->entry.id, b->entry.id);
}

int
alloc_compare_unanswered(const struct treap_node *x, const struct treap_node *y)
{
	return compare_ids(
	    TREAP_OF(x, const struct alloc_chat, in_unanswered)->entry.id,
	    TREAP_OF(y, const struct alloc_chat, in_unanswered)->entry.id);
}

int
alloc_compare_customers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_customer *a =
	    TREAP_OF(x, const struct alloc_customer, node);
	const struct alloc_customer *b =
	    TREAP_OF(y, const struct alloc_customer, node);

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return compare_ids(a->entry.id, b->entry.id);
}

int
alloc_compare_timers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_timer *a =
	    TREAP_OF(x, const struct alloc_timer, node);
	const struct alloc_timer *b =
	    TREAP_OF(y, const struct alloc_timer, node);

	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void
alloc_set_timer(struct allocation *a, struct alloc_timer *t, int64_t due)
{
	if (t->due == due)
		return;
	treap_remove(&a->timers, &t->node);
	t->due = due;
	t->order = a->timer_order++;
	if (due != INT64_MAX)
		treap_add(&a->timers, &t->node);
}
