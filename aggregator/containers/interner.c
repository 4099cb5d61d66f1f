/*
 * interner: see interner.h. Names are kept in chunks that never move; a hash
 * table finds them by text.
 */
#include "aggregator/containers/interner.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

#define FIRST_SLOTS 64

void
interner_init(struct interner *n)
{
	memset(n, 0, sizeof *n);
	n->n = 1;
	n->seed = random_64();
}

void
interner_release(struct interner *n)
{
	struct name *name;
	uint32_t i;

	for (i = 1; i < n->n; i++) {
		name = interner_at(n, i);
		if (name->held > 0 && name->len > NAME_SHORT)
			free(name->u.far);
	}
	for (i = 0; i < n->chunks_n; i++)
		free(n->chunks[i]);
	free(n->chunks);
	free(n->slots);
	memset(n, 0, sizeof *n);
}

uint32_t
interner_hash(const struct interner *n, struct text t)
{
	return (uint32_t)(hash_text(n->seed, t.p, t.len) >> 32);
}

/* Returns the slot of the text, or the free slot where it belongs. */
static size_t
find_name_slot(const struct interner *n, uint32_t hash, struct text t)
{
	size_t i = hash & n->mask;
	const struct name *name;
	uint64_t slot;

	for (;; i = (i + 1) & n->mask) {
		slot = n->slots[i];
		if (slot == 0)
			return i;
		if (slot >> 32 != hash)
			continue;
		name = interner_at(n, (uint32_t)slot);
		if (name->len == t.len && hash_same(name_str(name), t.p, t.len))
			return i;
	}
}

static void
grow_name_slots(struct interner *n)
{
	size_t i, to, old = n->slots != NULL ? n->mask + 1 : 0;
	uint64_t *was = n->slots;

	n->mask = (old > 0 ? old * 2 : FIRST_SLOTS) - 1;
	n->slots = xcalloc(n->mask + 1, sizeof *n->slots);
	for (i = 0; i < old; i++) {
		if (was[i] == 0)
			continue;
		to = (was[i] >> 32) & n->mask;
		while (n->slots[to] != 0)
			to = (to + 1) & n->mask;
		n->slots[to] = was[i];
	}
	free(was);
}

static uint32_t
allocate_name_number(struct interner *n)
{
	uint32_t i = n->first_free;

	if (i != 0) {
		n->first_free = interner_at(n, i)->as.next_free;
		return i;
	}
	if (n->n / INTERNER_CHUNK >= n->chunks_n) {
		XGROW(n->chunks, n->chunks_n, n->chunks_cap);
		n->chunks[n->chunks_n++] =
		    xmalloc(INTERNER_CHUNK * sizeof(struct name));
	}
	return n->n++;
}

static uint32_t
add_name(struct interner *n, uint32_t hash, struct text t)
{
	uint32_t i = allocate_name_number(n);
	struct name *name = interner_at(n, i);

	memset(name, 0, sizeof *name);
	name->len = (uint32_t)t.len;
	name->hash = hash;
	if (t.len > NAME_SHORT)
		name->u.far = xstrndup(t.p, t.len);
	else
		memcpy(name->u.bytes, t.p, t.len);
	n->live++;
	return i;
}

uint32_t
interner_get(struct interner *n, struct text t)
{
	uint32_t i, hash;
	size_t slot;

	if (t.p == NULL)
		return 0;
	hash = interner_hash(n, t);
	if (n->slots == NULL || (size_t)n->live * 2 > n->mask)
		grow_name_slots(n);
	slot = find_name_slot(n, hash, t);
	if (n->slots[slot] == 0) {
		i = add_name(n, hash, t);
		n->slots[slot] = (uint64_t)hash << 32 | i;
	}
	i = (uint32_t)n->slots[slot];
	interner_at(n, i)->held++;
	return i;
}

uint32_t
interner_get_near(struct interner *n, struct text t, uint32_t guess)
{
	struct name *name;

	if (guess != 0 && t.p != NULL) {
		name = interner_at(n, guess);
		if (name->held > 0 && name->len == t.len &&
		    hash_same(name_str(name), t.p, t.len)) {
			name->held++;
			return guess;
		}
	}
	return interner_get(n, t);
}

void
interner_hold(struct interner *n, uint32_t i)
{
	if (i != 0)
		interner_at(n, i)->held++;
}

/* Empties the slot and shifts back the entries after it. */
static void
empty_name_slot(struct interner *n, size_t i)
{
	size_t hole = i, home;

	for (;;) {
		i = (i + 1) & n->mask;
		if (n->slots[i] == 0)
			break;
		home = (n->slots[i] >> 32) & n->mask;
		/* The entry stays unless its home is at or before the hole. */
		if (((i - home) & n->mask) < ((i - hole) & n->mask))
			continue;
		n->slots[hole] = n->slots[i];
		hole = i;
	}
	n->slots[hole] = 0;
}

void
interner_drop(struct interner *n, uint32_t i)
{
	struct name *name;

	if (i == 0)
		return;
	name = interner_at(n, i);
	if (--name->held > 0)
		return;
	empty_name_slot(n, find_name_slot(n, name->hash, interner_text(n, i)));
	if (name->len > NAME_SHORT)
		free(name->u.far);
	name->as.next_free = n->first_free;
	n->first_free = i;
	n->live--;
}

struct text
interner_text(const struct interner *n, uint32_t i)
{
	struct text t = { NULL, 0 };

	if (i != 0) {
		t.p = name_str(interner_at(n, i));
		t.len = interner_at(n, i)->len;
	}
	return t;
}

int
interner_compare_bytes(const struct interner *n, uint32_t a, uint32_t b)
{
	struct text x, y;

	if (a == b)
		return 0;
	x = interner_text(n, a);
	y = interner_text(n, b);
	if (a == 0 || b == 0)
		return (x.len > 0) - (y.len > 0);
	return text_compare(x, y);
}
