/*
 * keyed_state_home: saves the tables of one tenant, evicts entries from memory,
 * and deletes saved ones by prefix or by time.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"

#include "aggregator/keyed_state/keyed_state_impl.h"
#include "aggregator/state/state.h"

enum {
	EXPIRE_AT_ONCE = 512, /* entries a call, so that none takes long */
	EVICT_LEAST = 1024,   /* slots examined in a flush, at least */
};

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
	k->saved = n;
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
	if (h->state == NULL || h->pool->limit == 0)
		return;
	for (i = 0; i < h->tables_n; i++)
		evict_unused(h->tables[i]);
}

/* Collects keys, each behind two bytes of length. */
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
keyed_state_delete_prefix(struct keyed_state *k, const void *prefix, size_t len)
{
	struct buf keys = BUF_INIT;
	struct key p = { 0 };
	const unsigned char *at, *end;
	size_t n, own;
	void *payload;

	if (k->store == NULL)
		return;
	keyed_state_home_prefix(k->home, &p);
	own = p.len;
	memcpy(p.bytes + own, prefix, len);
	state_each(k->store, p.bytes, own + len, collect_prefixed_key, &keys);
	at = (const unsigned char *)buf_str(&keys);
	for (end = at + keys.len; at < end; at += 2 + n) {
		n = (size_t)at[0] << 8 | at[1];
		payload = keyed_state_find(k, at + 2 + own, n - own);
		if (payload != NULL)
			keyed_state_delete(k, payload);
	}
	buf_release(&keys);
}

static bool
read_first_time(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct key *first = ctx;

	(void)data;
	(void)len;
	if (key_len >= first->len + sizeof(int64_t)) {
		first->len += sizeof(int64_t);
		memcpy(first->bytes, key, first->len);
	}
	return false;
}

void
keyed_state_expire(struct keyed_state *k, int64_t before)
{
	struct key first = { 0 };
	struct text t;
	size_t prefix, at, left = EXPIRE_AT_ONCE;
	int64_t time;

	if (k->store == NULL || before <= k->expired)
		return;
	while (left > 0) {
		first.len = 0;
		keyed_state_home_prefix(k->home, &first);
		at = prefix = first.len;
		state_each(
		    k->store, first.bytes, prefix, read_first_time, &first);
		k->expired = before;
		if (first.len == prefix)
			return;
		t.p = (const char *)first.bytes;
		t.len = first.len;
		time = key_read_time(t, &at);
		if (time >= before) {
			/* Nothing is to be done before that time. */
			k->expired = time;
			return;
		}
		left -=
		    state_delete_prefix(k->store, first.bytes, first.len, left);
		k->expired = time;
	}
}
