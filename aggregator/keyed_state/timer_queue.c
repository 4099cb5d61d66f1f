/*
 * timer_queue: in the state an entry is a key that consists of tenant, time and
 * the caller's key, with an empty value. In memory the entries are a list: a
 * run without a state looks for due ones once, at its end.
 */
#include "aggregator/keyed_state/timer_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

#include "aggregator/keyed_state/keyed_state.h"
#include "aggregator/state/state.h"

void
timer_queue_open(
    struct timer_queue *c, struct keyed_state_home *home, const char *name)
{
	memset(c, 0, sizeof *c);
	c->home = home;
	c->earliest = INT64_MIN;
	if (home->state != NULL)
		c->store = state_table(home->state, name);
	if (home->timer_queues_n == KEYED_STATE_TABLES)
		prog_die(PROG_SOFTWARE, "too many timer queues");
	home->timer_queues[home->timer_queues_n++] = c;
}

void
timer_queue_close(struct timer_queue *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->items[i].key);
	free(c->items);
	buf_release(&c->key);
}

static void
store_timer(struct timer_queue *c, int64_t due, struct text key)
{
	struct key k = { 0 };
	struct buf stored = BUF_INIT;

	keyed_state_home_prefix(c->home, &k);
	key_time(&k, due);
	buf_add(&stored, k.bytes, k.len);
	buf_add(&stored, key.p, key.len);
	lmdb_put(c->store, stored.data, stored.len, "", 0);
	buf_release(&stored);
	if (due < c->earliest)
		c->earliest = due;
}

static void
list_timer(struct timer_queue *c, int64_t due, struct text key)
{
	struct timer_queue_item *item;

	XGROW(c->items, c->n, c->cap);
	item = &c->items[c->n++];
	item->due = due;
	item->len = key.len;
	item->key = xmalloc(key.len + 1);
	if (key.len > 0)
		memcpy(item->key, key.p, key.len);
}

void
timer_queue_add(struct timer_queue *c, int64_t due, const void *key, size_t len)
{
	struct text t = { key, len };

	if (c->store != NULL)
		store_timer(c, due, t);
	else
		list_timer(c, due, t);
}

static bool
copy_timer_key(void *timer_queue, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct timer_queue *c = timer_queue;

	(void)data;
	(void)len;
	buf_add(&c->key, key, key_len);
	return false;
}

/* Moves the state's earliest key into c->key if it is due. */
static bool
next_stored_timer(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	struct key prefix = { 0 };
	size_t at;

	if (c->earliest > now)
		return false;
	keyed_state_home_prefix(c->home, &prefix);
	buf_clear(&c->key);
	lmdb_each(c->store, prefix.bytes, prefix.len, copy_timer_key, c);
	c->earliest = INT64_MAX;
	if (c->key.len < prefix.len + 8)
		return false;
	key->p = c->key.data;
	key->len = c->key.len;
	at = prefix.len;
	*due = key_read_time(*key, &at);
	c->earliest = *due;
	if (*due > now)
		return false;
	lmdb_delete(c->store, c->key.data, c->key.len);
	key->p += at;
	key->len -= at;
	return true;
}

/* Each pass over the items ends with false. */
static bool
next_listed_timer(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	struct timer_queue_item *item;

	while (c->at < c->n && c->items[c->at].due > now)
		c->at++;
	if (c->at == c->n) {
		c->at = 0;
		return false;
	}
	item = &c->items[c->at];
	buf_clear(&c->key);
	buf_add(&c->key, item->key, item->len);
	*due = item->due;
	free(item->key);
	*item = c->items[--c->n];
	key->p = buf_str(&c->key);
	key->len = c->key.len;
	return true;
}

bool
timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	return c->store != NULL ? next_stored_timer(c, now, key, due)
				: next_listed_timer(c, now, key, due);
}
