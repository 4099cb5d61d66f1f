/*
 * strmap: see strmap.h. Entries are in an array in order of insertion. The
 * slots hold indices into it plus one, with linear probing, and are at most
 * half full. A deleted entry stays as a tombstone (key NULL) until the next
 * rebuild.
 */
#include "common/containers/strmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

/* The seed of all maps; drawn once, by the first thread that needs it. */
static uint64_t seed;

static void
draw_seed(void)
{
	seed = random_64();
}

static uint64_t
hash_key(const char *key, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, draw_seed);
	return hash_text(seed, key, len);
}

void
strmap_release(struct strmap *m, void (*free_value)(void *))
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (m->entries[i].key == NULL)
			continue;
		free(m->entries[i].key);
		if (free_value != NULL)
			free_value(m->entries[i].value);
	}
	free(m->entries);
	free(m->slots);
	*m = (struct strmap)STRMAP_INIT;
}

/* Returns the slot of the key, or the free slot where it belongs. */
static size_t
strmap_slot(const struct strmap *m, uint64_t hash, const char *key, size_t len)
{
	size_t i = hash & m->slot_mask;
	const struct strmap_entry *e;

	for (; m->slots[i] != 0; i = (i + 1) & m->slot_mask) {
		e = &m->entries[m->slots[i] - 1];
		if (e->hash == hash && e->key != NULL && e->key_len == len &&
		    memcmp(e->key, key, len) == 0)
			break;
	}
	return i;
}

void *
strmap_get(const struct strmap *m, const char *key, size_t len)
{
	uint32_t at;

	if (m->slot_mask == 0)
		return NULL;
	at = m->slots[strmap_slot(m, hash_key(key, len), key, len)];
	return at != 0 ? m->entries[at - 1].value : NULL;
}

/* Drops tombstones and makes at least twice as many slots as entries. */
static void
rebuild(struct strmap *m)
{
	size_t i, to = 0, slots = 32;

	for (i = 0; i < m->n; i++)
		if (m->entries[i].key != NULL)
			m->entries[to++] = m->entries[i];
	m->n = to;
	while (slots < (to + 1) * 4)
		slots *= 2;
	free(m->slots);
	m->slots = xcalloc(slots, sizeof *m->slots);
	m->slot_mask = slots - 1;
	for (i = 0; i < m->n; i++) {
		size_t s = m->entries[i].hash & m->slot_mask;

		while (m->slots[s] != 0)
			s = (s + 1) & m->slot_mask;
		m->slots[s] = (uint32_t)(i + 1);
	}
}

void **
strmap_put(struct strmap *m, const char *key, size_t len)
{
	uint64_t hash = hash_key(key, len);
	struct strmap_entry *e;
	size_t s;

	if (m->slot_mask == 0 || (m->n + 1) * 2 > m->slot_mask)
		rebuild(m);
	s = strmap_slot(m, hash, key, len);
	if (m->slots[s] != 0)
		return &m->entries[m->slots[s] - 1].value;
	XGROW(m->entries, m->n, m->cap);
	e = &m->entries[m->n++];
	e->key = xstrndup(key, len);
	e->key_len = len;
	e->hash = hash;
	e->value = NULL;
	m->slots[s] = (uint32_t)m->n;
	m->live++;
	return &e->value;
}

void *
strmap_delete(struct strmap *m, const char *key, size_t len)
{
	struct strmap_entry *e;
	uint32_t at;

	if (m->slot_mask == 0)
		return NULL;
	at = m->slots[strmap_slot(m, hash_key(key, len), key, len)];
	if (at == 0)
		return NULL;
	e = &m->entries[at - 1];
	free(e->key);
	e->key = NULL;
	m->live--;
	return e->value;
}

struct strmap_entry *
strmap_next(const struct strmap *m, size_t *i)
{
	while (*i < m->n) {
		struct strmap_entry *e = &m->entries[(*i)++];

		if (e->key != NULL)
			return e;
	}
	return NULL;
}
