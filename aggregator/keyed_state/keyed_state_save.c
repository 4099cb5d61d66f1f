/*
 * keyed_state_save: saves the tables of one tenant, lists what was saved, and
 * ends a flush.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"

#include "aggregator/keyed_state/keyed_state_impl.h"
#include "aggregator/state/state.h"

static void
save_table_entry(
    struct keyed_state *k, const struct keyed_state_entry *e, struct key *key)
{
	size_t prefix = key->len;

	memcpy(key->bytes + prefix, keyed_state_entry_key(e), e->key_len);
	if ((e->flags & KEYED_STATE_DELETED) != 0)
		state_delete(k->store, key->bytes, prefix + e->key_len);
	else
		state_put(k->store, key->bytes, prefix + e->key_len, e + 1,
		    k->payload);
}

/* Saves in the order of keys, so that neighbours fall on one page. */
static void
save_table(struct keyed_state *k)
{
	struct key key = { 0 };
	struct keyed_state_entry *e;
	void **list;
	size_t n, i;

	if (k->dirty.n == 0)
		return;
	keyed_state_home_prefix(k->home, &key);
	list = keyed_state_sort(&k->dirty, true, &n);
	for (i = 0; i < n; i++) {
		e = (struct keyed_state_entry *)list[i] - 1;
		save_table_entry(k, e, &key);
		e->flags &= (uint8_t)~KEYED_STATE_DIRTY;
		if ((e->flags & (KEYED_STATE_DELETED | KEYED_STATE_PENDING)) ==
		    KEYED_STATE_DELETED)
			keyed_state_remove(k, e);
	}
	free(list);
	k->dirty.n = 0;
}

void
keyed_state_home_save(struct keyed_state_home *h)
{
	size_t i;

	if (h->state == NULL)
		return;
	for (i = 0; i < h->tables_n; i++)
		save_table(h->tables[i]);
	for (i = 0; i < h->timer_queues_n; i++)
		timer_queue_save(h->timer_queues[i]);
}

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

void
keyed_state_home_sent(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		clear_pending(h->tables[i]);
}
