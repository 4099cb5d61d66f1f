/*
 * allocation_expiry: what is forgotten by age. A chat that is closed or gone is
 * forgotten when the tenant's newest record is a window later than the chat's
 * last one, as in messaging-stream(7): by then all older records of it are
 * refused as late, and neither restarts nor the clock make a difference.
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

void
alloc_pass_time(struct allocation *a, int64_t at)
{
	const struct treap_node *n;
	struct alloc_chat *c;

	if (at > a->newest)
		a->newest = at;
	while ((n = treap_first(&a->expiring)) != NULL) {
		c = TREAP_OF(n, struct alloc_chat, in_expiring);
		if (c->newest + a->set.window >= a->newest)
			break;
		delete_chat(a, c);
	}
}
