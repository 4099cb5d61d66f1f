/*
 * allocation_forget: what is forgotten by age, by the rules of
 * messaging-stream(7). A chat that was over for a window starts over with its
 * next record; what was before counts no more, nor when it comes once more.
 * That follows from the times of records alone. So a chat need not be kept when
 * the tenant's newest record is two windows later than its last one: all older
 * records are refused as late by then, and neither restarts nor the clock make
 * a difference.
 */
#include "aggregator/allocation/allocation_impl.h"

/* The struct stays until its key was deleted from the state. */
static void
delete_chat(struct allocation *a, struct alloc_chat *c)
{
	c->status = CHAT_GONE;
	c->assignee = c->reserved = NULL;
	c->deleted = true;
	alloc_recompute_chat(a, c);
	(void)strmap_delete(&a->chats, c->id.p, c->id.len);
}

struct alloc_chat *
alloc_chat_at(struct allocation *a, struct text id, int64_t at)
{
	struct alloc_chat *c = alloc_chat_get(a, id);

	if (c->newest != CLOCK_NONE && at > c->newest &&
	    at - c->newest > a->set.window && alloc_was_over(a, c, at)) {
		delete_chat(a, c);
		c = alloc_chat_get(a, id);
		c->began = at;
	}
	alloc_pass_time(a, at);
	return c;
}

bool
alloc_is_of_life_before(
    const struct allocation *a, const struct alloc_chat *c, int64_t at)
{
	return c->began != CLOCK_NONE && at < c->began - a->set.window;
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
		delete_chat(a, c);
	}
}
