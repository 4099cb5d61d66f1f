/*
 * keyed_state_evict: what was not used lately leaves memory. One hand goes
 * round over the tables of all tenants, so that those of a quiet one make room,
 * too: an entry that was used since its last visit stays, another one goes.
 *
 * How far it goes in a flush grows with what was used since the last one. A use
 * adds at most one entry, and keeps at most one for another round; and a
 * table has few slots an entry. So the hand keeps up with whatever comes, and
 * no flush takes long.
 */
#include "aggregator/keyed_state/keyed_state_impl.h"

enum {
	/* Slots looked at: for each use, and besides. */
	LOOKS = 2 * KEYED_STATE_SPARSE,
	LEAST_LOOKS = 1024,
};

static void
visit_slot(struct keyed_state *k)
{
	struct keyed_state_entry *e = k->slots[k->hand].entry;

	if (e != NULL && e->flags == 0) {
		/* This may move another entry to the slot. */
		keyed_state_remove(k, e);
		return;
	}
	if (e != NULL)
		e->flags &= (uint8_t)~KEYED_STATE_USED;
	k->hand++;
}

static void
fit_slots(struct keyed_state *k)
{
	size_t slots = k->mask + 1;

	if (k->n * KEYED_STATE_SPARSE >= slots)
		return;
	while (slots > KEYED_STATE_FIRST_SLOTS &&
	       k->n * KEYED_STATE_SPARSE < 2 * slots)
		slots /= 2;
	if (slots <= k->mask)
		keyed_state_resize(k, slots);
}

void
keyed_state_pool_evict(struct keyed_state_pool *p)
{
	uint64_t looks = LOOKS * p->uses + LEAST_LOOKS;
	struct keyed_state *k;

	p->uses = 0;
	if (p->limit == 0 || p->tables_n == 0)
		return;
	for (; looks > 0 && p->used > p->limit; looks--) {
		p->hand %= p->tables_n;
		k = p->tables[p->hand];
		if (k->n > 0 && k->hand <= k->mask) {
			visit_slot(k);
			continue;
		}
		fit_slots(k);
		k->hand = 0;
		p->hand++;
	}
}
