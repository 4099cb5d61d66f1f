/*
 * keyed_state: an open-addressing hash table of pointers to entries. An entry
 * is a head with the key before it and the payload after it, so that a lookup
 * finds key and head in one cache line, and the head can be found from the
 * payload. The timer queues follow the tables.
 */
#include "aggregator/keyed_state/keyed_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"

#include "aggregator/state/state.h"

enum {
	FIRST_SLOTS = 8,
	/* How many stored entries one call expires at most, besides twice as
	 * many as are new. So no call takes long, and yet more entries go than
	 * come. */
	EXPIRE_AT_ONCE = 512,
};

enum {
	CHANGED = 1, /* in the list of changed entries */
	EMITTED = 2, /* its row is to be made */
	DELETED = 4, /* deleted, but still in the list */
};

void
keyed_state_open(struct keyed_state *k, struct keyed_state_home *home,
    const char *name, size_t payload)
{
	memset(k, 0, sizeof *k);
	k->home = home;
	k->payload = payload;
	k->slots = xcalloc(FIRST_SLOTS, sizeof *k->slots);
	k->mask = FIRST_SLOTS - 1;
	k->keep = -1;
	k->expired = INT64_MIN;
	if (home->state != NULL && name != NULL)
		k->store = state_table(home->state, name);
	if (home->tables_n == KEYED_STATE_TABLES)
		prog_die(PROG_SOFTWARE, "too many tables");
	home->tables[home->tables_n++] = k;
}

void
keyed_state_keep(struct keyed_state *k, int64_t ms)
{
	k->keep = ms;
}

/* Appends the bytes with which this tenant's keys in the state begin: the same
 * as those of stream_tenant_key(), with which stream_forget.c looks for trend
 * words. */
static void
add_tenant(const struct keyed_state_home *h, struct key *k)
{
	key_short(k, h->tenant, STATE_TENANT_BYTES);
}

/* Returns the size of the key before the head, rounded up to align the head. */
static size_t
key_room(size_t len)
{
	return (len + 15) / 16 * 16;
}

static size_t
entry_bytes(const struct keyed_state *k, size_t key_len)
{
	return key_room(key_len) + sizeof(struct keyed_state_entry) +
	       k->payload;
}

static void
free_entry(struct keyed_state *k, struct keyed_state_entry *e)
{
	k->home->cache->used -= entry_bytes(k, e->key_len);
	free((char *)e - key_room(e->key_len));
}

static const unsigned char *
entry_key(const struct keyed_state_entry *e)
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

/* Returns the slot of the key, or the free slot where it belongs. */
static struct keyed_state_slot *
seek_slot(
    const struct keyed_state *k, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & k->mask;

	for (; k->slots[i].entry != NULL; i = (i + 1) & k->mask)
		if (k->slots[i].hash == hash &&
		    k->slots[i].entry->key_len == len &&
		    memcmp(entry_key(k->slots[i].entry), key, len) == 0)
			break;
	return &k->slots[i];
}

/* Moves the entries to a new array of slots; their number is a power of two. */
static void
resize_table(struct keyed_state *k, size_t slots)
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
	char *block = xcalloc(1, entry_bytes(k, len));
	struct keyed_state_entry *e =
	    (struct keyed_state_entry *)(void *)(block + room);

	k->home->cache->used += entry_bytes(k, len);
	e->hash = hash;
	e->key_len = (uint16_t)len;
	memcpy(block, key, len);
	/* At most two thirds full. */
	if ((k->n + 1) * 3 > (k->mask + 1) * 2) {
		resize_table(k, 2 * (k->mask + 1));
		slot = seek_slot(k, hash, key, len);
	}
	slot->hash = hash;
	slot->entry = e;
	k->n++;
	return e;
}

/* Removes an entry from the table and frees it. */
static void
remove_entry(struct keyed_state *k, struct keyed_state_entry *e)
{
	size_t hole = e->hash & k->mask, i, home;

	while (k->slots[hole].entry != e)
		hole = (hole + 1) & k->mask;
	for (i = hole;;) {
		i = (i + 1) & k->mask;
		if (k->slots[i].entry == NULL)
			break;
		home = k->slots[i].hash & k->mask;
		/* The entry moves unless its first slot is between hole and
		 * i. */
		if (((i - home) & k->mask) < ((i - hole) & k->mask))
			continue;
		k->slots[hole] = k->slots[i];
		hole = i;
	}
	k->slots[hole].entry = NULL;
	k->n--;
	free_entry(k, e);
}

/* Reads an entry from the state into memory; NULL if the state has none. */
static struct keyed_state_entry *
load_stored_entry(struct keyed_state *k, struct keyed_state_slot *slot,
    uint64_t hash, const void *key, size_t len)
{
	struct key stored = { 0 };
	struct keyed_state_entry *e;
	const void *data;
	size_t data_len;

	add_tenant(k->home, &stored);
	memcpy(stored.bytes + stored.len, key, len);
	if (!lmdb_get(
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

	if (e == NULL && k->store != NULL)
		e = load_stored_entry(k, slot, hash, key, len);
	if (e == NULL && make) {
		e = insert_entry(
		    k, seek_slot(k, hash, key, len), hash, key, len);
		k->fresh++;
		is_new = true;
	} else if (e != NULL && (e->flags & DELETED) != 0) {
		is_new = true;
		if (make) {
			e->flags &= (uint8_t)~DELETED;
			memset(payload_of(e), 0, k->payload);
		} else {
			e = NULL;
		}
	}
	if (made != NULL)
		*made = is_new;
	return e != NULL ? payload_of(e) : NULL;
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
list_changed(struct keyed_state *k, struct keyed_state_entry *e)
{
	if ((e->flags & CHANGED) != 0)
		return;
	e->flags |= CHANGED;
	XGROW(k->changed, k->changed_n, k->changed_cap);
	k->changed[k->changed_n++] = payload_of(e);
}

void
keyed_state_change(struct keyed_state *k, void *payload)
{
	if (k->store != NULL)
		list_changed(k, entry_of(payload));
}

void
keyed_state_emit(struct keyed_state *k, void *payload)
{
	struct keyed_state_entry *e = entry_of(payload);

	list_changed(k, e);
	e->flags |= EMITTED;
}

void
keyed_state_delete(struct keyed_state *k, void *payload)
{
	struct keyed_state_entry *e = entry_of(payload);

	if (k->store == NULL && (e->flags & CHANGED) == 0) {
		remove_entry(k, e);
		return;
	}
	list_changed(k, e);
	e->flags |= DELETED;
}

struct text
keyed_state_key(const void *payload)
{
	const struct keyed_state_entry *e = entry_of(payload);
	struct text t = { (const char *)entry_key(e), e->key_len };

	return t;
}

static int
compare_payload_keys(const void *a, const void *b)
{
	return text_compare(keyed_state_key(*(void *const *)a),
	    keyed_state_key(*(void *const *)b));
}

void **
keyed_state_list(struct keyed_state *k, bool all, size_t *n)
{
	size_t most = all ? k->mask + 1 : k->changed_n, i;
	void **v = xcalloc((all ? k->n : most) + 1, sizeof *v);
	struct keyed_state_entry *e;

	*n = 0;
	for (i = 0; i < most; i++) {
		e = all ? k->slots[i].entry : entry_of(k->changed[i]);
		if (e != NULL && ((e->flags & EMITTED) != 0 ||
				     (all && (e->flags & DELETED) == 0)))
			v[(*n)++] = payload_of(e);
	}
	if (all)
		sort_array(v, *n, sizeof(void *), compare_payload_keys);
	return v;
}

/* Collects keys, each preceded by its length in two bytes. */
static bool
collect_prefixed_key(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	(void)data;
	(void)len;
	buf_addc(ctx, (char)(key_len >> 8));
	buf_addc(ctx, (char)(key_len & 255));
	buf_add(ctx, key, key_len);
	return true;
}

void
keyed_state_each_saved(struct keyed_state *k, const void *prefix, size_t len,
    void (*each)(void *ctx, struct keyed_state *k, void *payload), void *ctx)
{
	struct buf keys = BUF_INIT;
	struct key p = { 0 };
	const unsigned char *at, *end;
	size_t n, own;
	void *payload;

	if (k->store == NULL)
		return;
	add_tenant(k->home, &p);
	own = p.len;
	if (len > 0)
		memcpy(p.bytes + own, prefix, len);
	lmdb_each(k->store, p.bytes, own + len, collect_prefixed_key, &keys);
	at = (const unsigned char *)buf_str(&keys);
	for (end = at + keys.len; at < end; at += 2 + n) {
		n = (size_t)at[0] << 8 | at[1];
		payload = keyed_state_find(k, at + 2 + own, n - own);
		if (payload != NULL)
			each(ctx, k, payload);
	}
	buf_release(&keys);
}

static void
delete_payload(void *ctx, struct keyed_state *k, void *payload)
{
	(void)ctx;
	keyed_state_delete(k, payload);
}

void
keyed_state_delete_prefix(struct keyed_state *k, const void *prefix, size_t len)
{
	keyed_state_each_saved(k, prefix, len, delete_payload, NULL);
}

static void
expire_table(struct keyed_state *k)
{
	int64_t before = k->home->newest - k->home->window_ms - k->keep;
	size_t most = EXPIRE_AT_ONCE + 2 * k->fresh;
	struct key prefix = { 0 }, bound;

	if (k->store == NULL || k->keep < 0 || before <= k->expired)
		return;
	add_tenant(k->home, &prefix);
	bound = prefix;
	key_time(&bound, before);
	if (lmdb_delete_before(k->store, prefix.bytes, prefix.len, bound.bytes,
		bound.len, most) < most)
		k->expired = before;
	k->fresh = 0;
}

void
keyed_state_home_expire(struct keyed_state_home *h)
{
	size_t i;

	if (h->window_ms == 0 || h->newest == CLOCK_NONE)
		return;
	for (i = 0; i < h->tables_n; i++)
		expire_table(h->tables[i]);
}

static void
save_table_entry(
    struct keyed_state *k, const struct keyed_state_entry *e, struct key *key)
{
	size_t prefix = key->len;

	memcpy(key->bytes + prefix, entry_key(e), e->key_len);
	if ((e->flags & DELETED) != 0)
		lmdb_delete(k->store, key->bytes, prefix + e->key_len);
	else
		lmdb_put(k->store, key->bytes, prefix + e->key_len, e + 1,
		    k->payload);
}

/* Saves in the order of keys, because neighbours share pages. */
static void
save_table(struct keyed_state *k)
{
	struct key key = { 0 };
	size_t i;

	sort_array(
	    k->changed, k->changed_n, sizeof(void *), compare_payload_keys);
	add_tenant(k->home, &key);
	for (i = 0; i < k->changed_n; i++)
		save_table_entry(k, entry_of(k->changed[i]), &key);
}

void
keyed_state_home_save(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		if (h->tables[i]->store != NULL)
			save_table(h->tables[i]);
}

static void
clear_changed(struct keyed_state *k)
{
	struct keyed_state_entry *e;
	size_t i;

	for (i = 0; i < k->changed_n; i++) {
		e = entry_of(k->changed[i]);
		if ((e->flags & DELETED) != 0)
			remove_entry(k, e);
		else
			e->flags = 0;
	}
	k->changed_n = 0;
}

void
keyed_state_home_clear_changed(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		clear_changed(h->tables[i]);
}

/* Drops the entries that have not changed since they were saved. */
static void
drop_saved(struct keyed_state *k)
{
	struct keyed_state_entry *e;
	size_t i, slots = FIRST_SLOTS;

	for (i = 0; i <= k->mask; i++) {
		e = k->slots[i].entry;
		if (e == NULL || e->flags != 0)
			continue;
		free_entry(k, e);
		k->slots[i].entry = NULL;
		k->n--;
	}
	while (k->n * 3 > slots * 2)
		slots *= 2;
	resize_table(k, slots);
}

void
keyed_state_home_drop(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		if (h->tables[i]->store != NULL)
			drop_saved(h->tables[i]);
}

void
timer_queue_open(
    struct timer_queue *q, struct keyed_state_home *home, const char *name)
{
	memset(q, 0, sizeof *q);
	q->home = home;
	q->earliest = INT64_MIN;
	if (home->state != NULL)
		q->store = state_table(home->state, name);
	if (home->timer_queues_n == KEYED_STATE_TABLES)
		prog_die(PROG_SOFTWARE, "too many timer queues");
	home->timer_queues[home->timer_queues_n++] = q;
}

/* In the state an entry is a key that consists of tenant, time and the caller's
 * key, with an empty value. */
static void
store_timer(struct timer_queue *q, int64_t due, struct text key)
{
	struct key k = { 0 };
	struct buf stored = BUF_INIT;

	add_tenant(q->home, &k);
	key_time(&k, due);
	buf_add(&stored, k.bytes, k.len);
	buf_add(&stored, key.p, key.len);
	lmdb_put(q->store, stored.data, stored.len, "", 0);
	buf_release(&stored);
	if (due < q->earliest)
		q->earliest = due;
}

/* In memory the entries are a list: a run without a state looks for due ones
 * once, at its end. */
static void
list_timer(struct timer_queue *q, int64_t due, struct text key)
{
	struct timer_queue_item *item;

	XGROW(q->items, q->n, q->cap);
	item = &q->items[q->n++];
	item->due = due;
	item->len = key.len;
	item->key = xmalloc(key.len + 1);
	if (key.len > 0)
		memcpy(item->key, key.p, key.len);
}

void
timer_queue_add(struct timer_queue *q, int64_t due, const void *key, size_t len)
{
	struct text t = { key, len };

	if (q->store != NULL)
		store_timer(q, due, t);
	else
		list_timer(q, due, t);
}

static bool
copy_timer_key(void *timer_queue, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct timer_queue *q = timer_queue;

	(void)data;
	(void)len;
	buf_add(&q->key, key, key_len);
	return false;
}

/* Moves the state's earliest key into q->key if it is due. */
static bool
next_stored_timer(
    struct timer_queue *q, int64_t now, struct text *key, int64_t *due)
{
	struct key prefix = { 0 };
	size_t at;

	if (q->earliest > now)
		return false;
	add_tenant(q->home, &prefix);
	buf_clear(&q->key);
	lmdb_each(q->store, prefix.bytes, prefix.len, copy_timer_key, q);
	q->earliest = INT64_MAX;
	if (q->key.len < prefix.len + 8)
		return false;
	key->p = q->key.data;
	key->len = q->key.len;
	at = prefix.len;
	*due = key_read_time(*key, &at);
	q->earliest = *due;
	if (*due > now)
		return false;
	lmdb_delete(q->store, q->key.data, q->key.len);
	key->p += at;
	key->len -= at;
	return true;
}

/* Each pass over the items ends with false. */
static bool
next_listed_timer(
    struct timer_queue *q, int64_t now, struct text *key, int64_t *due)
{
	struct timer_queue_item *item;

	while (q->at < q->n && q->items[q->at].due > now)
		q->at++;
	if (q->at == q->n) {
		q->at = 0;
		return false;
	}
	item = &q->items[q->at];
	buf_clear(&q->key);
	buf_add(&q->key, item->key, item->len);
	*due = item->due;
	free(item->key);
	*item = q->items[--q->n];
	key->p = buf_str(&q->key);
	key->len = q->key.len;
	return true;
}

bool
timer_queue_next(
    struct timer_queue *q, int64_t now, struct text *key, int64_t *due)
{
	return q->store != NULL ? next_stored_timer(q, now, key, due)
				: next_listed_timer(q, now, key, due);
}

static void
close_table(struct keyed_state *k)
{
	size_t i;

	for (i = 0; i <= k->mask; i++)
		if (k->slots[i].entry != NULL)
			free_entry(k, k->slots[i].entry);
	free(k->slots);
	free(k->changed);
}

static void
close_timer_queue(struct timer_queue *q)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		free(q->items[i].key);
	free(q->items);
	buf_release(&q->key);
}

void
keyed_state_home_close(struct keyed_state_home *h)
{
	size_t i;

	for (i = 0; i < h->tables_n; i++)
		close_table(h->tables[i]);
	for (i = 0; i < h->timer_queues_n; i++)
		close_timer_queue(h->timer_queues[i]);
}
