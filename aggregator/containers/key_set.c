/*
 * key_set: see key_set.h. A hash table with open addressing.
 */
#include "aggregator/containers/key_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"

void
key_set_empty(struct key_set *s)
{
	if (++s->serial == 0 && s->keys != NULL) {
		memset(s->serials, 0, (s->mask + 1) * sizeof *s->serials);
		s->serial = 1;
	}
	s->n = 0;
	s->last[0] = 0;
	s->last[1] = 0;
}

static void
key_set_grow(struct key_set *s)
{
	struct key_set bigger = { .serial = 1 };
	size_t i, slots = s->keys != NULL ? (s->mask + 1) * 2 : 32;

	bigger.keys = xcalloc(slots, sizeof *bigger.keys);
	bigger.serials = xcalloc(slots, sizeof *bigger.serials);
	bigger.mask = slots - 1;
	for (i = 0; s->keys != NULL && i <= s->mask; i++)
		if (s->serials[i] == s->serial)
			(void)key_set_add(&bigger, s->keys[i]);
	free(s->keys);
	free(s->serials);
	*s = bigger;
}

bool
key_set_add(struct key_set *s, uint64_t key)
{
	size_t i;

	if (key == s->last[0] || key == s->last[1])
		return false;
	s->last[1] = s->last[0];
	s->last[0] = key;
	if (s->keys == NULL || s->n * 2 > s->mask)
		key_set_grow(s);
	i = (size_t)hash_mix(key ^ HASH_K1, HASH_K2) & s->mask;
	for (; s->serials[i] == s->serial; i = (i + 1) & s->mask)
		if (s->keys[i] == key)
			return false;
	s->keys[i] = key;
	s->serials[i] = s->serial;
	s->n++;
	return true;
}

void
key_set_release(struct key_set *s)
{
	free(s->keys);
	free(s->serials);
}
