/*
 * keyed_state_evict: what was not used lately leaves memory.
 */
#include "aggregator/keyed_state/keyed_state_impl.h"

/* Slots examined in a flush, at least. */
#define EVICT_LEAST 1024

static void
clear_pending(struct keyed_state *k)
{
	struct keyed_state_entry *e;
	size_t i;

	for (i = 0; i < k->pending.n; i++) {
		e = k->pending.v[i];
		e->flags &= (uint8_t)~KEYED_STATE_PENDING;
		if ((e->flags & (KEYED_STATE_DELETED | KEYED_STATE_DIRTY)) ==
		    KEYED_STATE_DELETED)
			keyed_state_remove(k, e);
	}
	k->pending.n = 0;
}

/* Evicts entries that were not used since the last pass over the slots. The
 * number of slots it examines grows with what the flush changed. */
static void
evict_unused(struct keyed_state *k)
{
	size_t look = 2 * k->saved + EVICT_LEAST;
	const struct keyed_state_pool *pool = k->home->pool;
	struct keyed_state_entry *e;

	for (; look > 0 && pool->used > pool->limit; look--) {
		k->hand &= k->mask;
		e = k->slots[k->hand].entry;
		/* Removing may move another entry to this slot. */
		if (e != NULL && (e->flags & ~KEYED_STATE_USED) == 0 &&
		    (e->flags & KEYED_STATE_USED) == 0) {
			keyed_state_remove(k, e);
			continue;
		}
		if (e != NULL)
			e->flags &= (uint8_t)~KEYED_STATE_USED;
		k->hand++;
	}
	k->saved = 0;
}

void
keyed_state_home_sent(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		clear_pending(h->tables[i]);
	keyed_state_home_evict(h);
}

void
keyed_state_home_evict(struct keyed_state_home *h)
{
	size_t i;

	if (h->state == NULL || h->pool->limit == 0)
		return;
	for (i = 0; i < h->tables_n; i++)
		evict_unused(h->tables[i]);
}
