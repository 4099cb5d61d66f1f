/*
 * model_participants: a hash set that is emptied by a new serial number, so
 * that its slots need not be cleared for each episode.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/hash.h"

void
participants_empty(struct participants *p)
{
	if (++p->serial == 0 && p->keys != NULL) {
		memset(p->serials, 0, (p->mask + 1) * sizeof *p->serials);
		p->serial = 1;
	}
	p->n = 0;
	p->last[0] = 0;
	p->last[1] = 0;
}

static void
participants_grow(struct participants *p)
{
	struct participants bigger = { .serial = 1 };
	size_t i, slots = p->keys != NULL ? (p->mask + 1) * 2 : 32;

	bigger.keys = xcalloc(slots, sizeof *bigger.keys);
	bigger.serials = xcalloc(slots, sizeof *bigger.serials);
	bigger.mask = slots - 1;
	for (i = 0; p->keys != NULL && i <= p->mask; i++)
		if (p->serials[i] == p->serial)
			participants_add(&bigger, p->keys[i]);
	free(p->keys);
	free(p->serials);
	*p = bigger;
}

void
participants_add(struct participants *p, uint64_t key)
{
	size_t i;

	if (key == p->last[0] || key == p->last[1])
		return;
	p->last[1] = p->last[0];
	p->last[0] = key;
	if (p->keys == NULL || p->n * 2 > p->mask)
		participants_grow(p);
	i = (size_t)hash_mix(key ^ HASH_K1, HASH_K2) & p->mask;
	for (; p->serials[i] == p->serial; i = (i + 1) & p->mask)
		if (p->keys[i] == key)
			return;
	p->keys[i] = key;
	p->serials[i] = p->serial;
	p->n++;
}
