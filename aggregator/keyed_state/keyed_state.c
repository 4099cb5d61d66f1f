/*
 * keyed_state: a hash table with open addressing over pointers to entries. An
 * entry is a head with the payload behind it and the key in front of it, so
 * that a look-up finds key and head in one line of the cache, and the head is
 * found from the payload. Beside it: keyed_state_save.c, keyed_state_evict.c
 * and keyed_state_delete.c.
 */
#include "aggregator/keyed_state/keyed_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/containers/hash.h"

#include "aggregator/keyed_state/keyed_state_impl.h"
#include "aggregator/state/state.h"

static void
join_pool(struct keyed_state *k)
{
	struct keyed_state_pool *p = k->home->pool;

	XGROW(p->tables, p->tables_n, p->tables_cap);
	k->place = p->tables_n;
	p->tables[p->tables_n++] = k;
}

static void
leave_pool(struct keyed_state *k)
{
	struct keyed_state_pool *p = k->home->pool;
	struct keyed_state *last = p->tables[--p->tables_n];

	p->tables[k->place] = last;
	last->place = k->place;
}

void
keyed_state_open(struct keyed_state *k, struct keyed_state_home *home,
    const char *name, size_t payload)
{
	memset(k, 0, sizeof *k);
	k->name = name;
	k->home = home;
	k->payload = payload;
	k->slots = xcalloc(KEYED_STATE_FIRST_SLOTS, sizeof *k->slots);
	k->mask = KEYED_STATE_FIRST_SLOTS - 1;
	k->expired = INT64_MIN;
	if (home->state != NULL) {
		k->store = state_table(home->state, name, STATE_BYTES);
		join_pool(k);
	}
	if (home->tables_n == KEYED_STATE_TABLES)
		prog_die(PROG_SOFTWARE, "too many tables");
	home->tables[home->tables_n++] = k;
}

void
keyed_state_home_prefix(const struct keyed_state_home *h, struct key *k)
{
	int i;

	for (i = 3; i >= 0; i--)
		key_byte(k, h->tenant >> (8 * i) & 255);
}

/* Bytes of the key in front of the head, rounded up to align the head. */
static size_t
key_room(size_t len)
{
	return (len + 15) / 16 * 16;
}

static void
free_entry(struct keyed_state *k, struct keyed_state_entry *e)
{
	size_t room = key_room(e->key_len);

	keyed_state_pool_give(
	    k->home->pool, (char *)e - room, room + sizeof *e + k->payload);
}

const unsigned char *
keyed_state_entry_key(const struct keyed_state_entry *e)
{
	return (const unsigned char *)e - key_room(e->key_len);
}

static void *
payload_of(struct keyed_state_entry *e)
{
	return e + 1;
}

static struct keyed_state_entry *
entry_of(const void *payload)
{
	return (struct keyed_state_entry *)(uintptr_t)payload - 1;
}

void
keyed_state_close(struct keyed_state *k)
{
	size_t i;

	if (k->slots == NULL)
		return;
	for (i = 0; i <= k->mask; i++)
		if (k->slots[i].entry != NULL)
			free_entry(k, k->slots[i].entry);
	if (k->home->state != NULL)
		leave_pool(k);
	free(k->slots);
	free(k->dirty.v);
	free(k->pending.v);
	memset(k, 0, sizeof *k);
}

/* The slot of the key, or the free one where it belongs. */
static struct keyed_state_slot *
seek_slot(
    const struct keyed_state *k, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & k->mask;

	for (; k->slots[i].entry != NULL; i = (i + 1) & k->mask)
		if (k->slots[i].hash == hash &&
		    k->slots[i].entry->key_len == len &&
		    memcmp(keyed_state_entry_key(k->slots[i].entry), key,
			len) == 0)
			break;
	return &k->slots[i];
}

void
keyed_state_resize(struct keyed_state *k, size_t slots)
{
	size_t old = k->mask + 1, i, j;
	struct keyed_state_slot *from = k->slots;

	k->mask = slots - 1;
	k->slots = xcalloc(slots, sizeof *k->slots);
	for (i = 0; i < old; i++) {
		if (from[i].entry == NULL)
			continue;
		for (j = from[i].hash & k->mask; k->slots[j].entry != NULL;)
			j = (j + 1) & k->mask;
		k->slots[j] = from[i];
	}
	free(from);
}

static struct keyed_state_entry *
insert_entry(struct keyed_state *k, struct keyed_state_slot *slot,
    uint64_t hash, const void *key, size_t len)
{
	size_t room = key_room(len);
	char *block = keyed_state_pool_take(k->home->pool,
	    room + sizeof(struct keyed_state_entry) + k->payload);
	struct keyed_state_entry *e =
	    (struct keyed_state_entry *)(void *)(block + room);

	e->hash = hash;
	e->key_len = (uint16_t)len;
	memcpy(block, key, len);
	/* At most two thirds full. */
	if ((k->n + 1) * 3 > (k->mask + 1) * 2) {
		keyed_state_resize(k, 2 * (k->mask + 1));
		slot = seek_slot(k, hash, key, len);
	}
	slot->hash = hash;
	slot->entry = e;
	k->n++;
	return e;
}

void
keyed_state_remove(struct keyed_state *k, struct keyed_state_entry *e)
{
	size_t hole = e->hash & k->mask, i, home;

	while (k->slots[hole].entry != e)
		hole = (hole + 1) & k->mask;
	for (i = hole;;) {
		i = (i + 1) & k->mask;
		if (k->slots[i].entry == NULL)
			break;
		home = k->slots[i].hash & k->mask;
		/* It may move unless its first slot is between hole and i. */
		if (((i - home) & k->mask) < ((i - hole) & k->mask))
			continue;
		k->slots[hole] = k->slots[i];
		hole = i;
	}
	k->slots[hole].entry = NULL;
	k->n--;
	free_entry(k, e);
}

/* Reads an entry of the state into memory. NULL: there is none. */
static struct keyed_state_entry *
load_stored_entry(struct keyed_state *k, struct keyed_state_slot *slot,
    uint64_t hash, const void *key, size_t len)
{
	struct key stored = { 0 };
	struct keyed_state_entry *e;
	const void *data;
	size_t data_len;

	keyed_state_home_prefix(k->home, &stored);
	memcpy(stored.bytes + stored.len, key, len);
	if (!state_get(
		k->store, stored.bytes, stored.len + len, &data, &data_len))
		return NULL;
	if (data_len != k->payload) {
		state_set_damaged(k->home->state);
		return NULL;
	}
	e = insert_entry(k, slot, hash, key, len);
	memcpy(payload_of(e), data, data_len);
	return e;
}

static void *
find_or_make(
    struct keyed_state *k, const void *key, size_t len, bool make, bool *made)
{
	uint64_t hash = hash_text(k->home->seed, key, len);
	struct keyed_state_slot *slot = seek_slot(k, hash, key, len);
	struct keyed_state_entry *e = slot->entry;
	bool is_new = false;

	k->home->pool->uses++;
	if (e == NULL && k->store != NULL)
		e = load_stored_entry(k, slot, hash, key, len);
	if (e == NULL && make) {
		e = insert_entry(
		    k, seek_slot(k, hash, key, len), hash, key, len);
		is_new = true;
	} else if (e != NULL && (e->flags & KEYED_STATE_DELETED) != 0) {
		is_new = true;
		if (make) {
			e->flags &= (uint8_t)~KEYED_STATE_DELETED;
			memset(payload_of(e), 0, k->payload);
		} else {
			e = NULL;
		}
	}
	if (made != NULL)
		*made = is_new;
	if (e == NULL)
		return NULL;
	e->flags |= KEYED_STATE_USED;
	return payload_of(e);
}

void
keyed_state_prepare(
    const struct keyed_state *k, const void *key, size_t len, bool near)
{
	uint64_t hash = hash_text(k->home->seed, key, len);
	const struct keyed_state_slot *slot = &k->slots[hash & k->mask];
	const char *e = (const char *)slot->entry;
	size_t i;

	if (!near) {
		__builtin_prefetch(slot);
		return;
	}
	if (e == NULL)
		return;
	__builtin_prefetch(e - key_room(len));
	for (i = 0; i < sizeof *slot->entry + k->payload; i += 64)
		__builtin_prefetch(e + i);
}

void *
keyed_state_find(struct keyed_state *k, const void *key, size_t len)
{
	return find_or_make(k, key, len, false, NULL);
}

void *
keyed_state_get(struct keyed_state *k, const void *key, size_t len, bool *made)
{
	return find_or_make(k, key, len, true, made);
}

static void
list_flagged_entry(struct keyed_state_list *list, struct keyed_state_entry *e,
    enum keyed_state_flags flag)
{
	if ((e->flags & flag) != 0)
		return;
	e->flags |= (uint8_t)flag;
	XGROW(list->v, list->n, list->cap);
	list->v[list->n++] = e;
}

void
keyed_state_change(struct keyed_state *k, void *payload)
{
	if (k->store != NULL)
		list_flagged_entry(
		    &k->dirty, entry_of(payload), KEYED_STATE_DIRTY);
}

void
keyed_state_emit(struct keyed_state *k, void *payload)
{
	keyed_state_change(k, payload);
	list_flagged_entry(&k->pending, entry_of(payload), KEYED_STATE_PENDING);
}

bool
keyed_state_is_pending(const void *payload)
{
	return (entry_of(payload)->flags & KEYED_STATE_PENDING) != 0;
}

void
keyed_state_delete(struct keyed_state *k, void *payload)
{
	struct keyed_state_entry *e = entry_of(payload);

	if (k->store == NULL && (e->flags & KEYED_STATE_PENDING) == 0) {
		keyed_state_remove(k, e);
		return;
	}
	keyed_state_change(k, payload);
	e->flags |= KEYED_STATE_DELETED;
}

struct text
keyed_state_key(const void *payload)
{
	const struct keyed_state_entry *e = entry_of(payload);
	struct text t = { (const char *)keyed_state_entry_key(e), e->key_len };

	return t;
}

/* An entry to sort. The first 16 bytes of the key decide nearly always, so they
 * are copied here, as big-endian numbers with zeros behind the key's end. */
struct sorted_entry {
	uint64_t first[2];
	const unsigned char *key;
	size_t len;
	void *payload;
};

static int
compare_entry_keys(const void *a, const void *b)
{
	const struct sorted_entry *x = a, *y = b;
	int c;

	if (x->first[0] != y->first[0])
		return x->first[0] < y->first[0] ? -1 : 1;
	if (x->first[1] != y->first[1])
		return x->first[1] < y->first[1] ? -1 : 1;
	c = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static void
add_sorted_entry(struct keyed_state_entry *e, bool deleted,
    struct sorted_entry *v, size_t *n)
{
	struct sorted_entry *to;
	size_t i;

	if (e == NULL || (!deleted && (e->flags & KEYED_STATE_DELETED) != 0))
		return;
	to = &v[(*n)++];
	to->key = keyed_state_entry_key(e);
	to->len = e->key_len;
	to->payload = payload_of(e);
	for (i = 0; i < 16; i++)
		to->first[i / 8] =
		    to->first[i / 8] << 8 | (i < to->len ? to->key[i] : 0u);
}

static void **
sort_payloads(struct sorted_entry *v, size_t n)
{
	void **list = xcalloc(n + 1, sizeof *list);
	size_t i;

	if (n > 1)
		qsort(v, n, sizeof *v, compare_entry_keys);
	for (i = 0; i < n; i++)
		list[i] = v[i].payload;
	free(v);
	return list;
}

void **
keyed_state_sort(const struct keyed_state_list *list, bool deleted, size_t *n)
{
	struct sorted_entry *v = xcalloc(list->n + 1, sizeof *v);
	size_t i;

	*n = 0;
	for (i = 0; i < list->n; i++)
		add_sorted_entry(list->v[i], deleted, v, n);
	return sort_payloads(v, *n);
}

void **
keyed_state_list(struct keyed_state *k, bool all, size_t *n)
{
	struct sorted_entry *v;
	size_t i;

	if (!all)
		return keyed_state_sort(&k->pending, false, n);
	v = xcalloc(k->n + 1, sizeof *v);
	*n = 0;
	for (i = 0; i <= k->mask; i++)
		add_sorted_entry(k->slots[i].entry, false, v, n);
	return sort_payloads(v, *n);
}
