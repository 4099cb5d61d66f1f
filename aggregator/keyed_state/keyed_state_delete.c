/*
 * keyed_state_delete: deletes saved entries by prefix or by time.
 */
#include <string.h>

#include "aggregator/keyed_state/keyed_state_impl.h"
#include "aggregator/state/state.h"

/* Entries a call, so that none takes long. */
#define EXPIRE_AT_ONCE 512

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
