/*
 * timer_queue: a binary heap, the earliest first. In the state an entry is a
 * key that consists of tenant, time and the caller's key, with an empty value.
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
		free(c->heap[i].key);
	free(c->heap);
	buf_release(&c->key);
}

static void
swap_timers(struct timer_queue *c, size_t a, size_t b)
{
	struct timer_queue_item item = c->heap[a];

	c->heap[a] = c->heap[b];
	c->heap[b] = item;
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
push_timer(struct timer_queue *c, int64_t due, struct text key)
{
	struct timer_queue_item *item;
	size_t i = c->n;

	XGROW(c->heap, c->n, c->cap);
	item = &c->heap[c->n++];
	item->due = due;
	item->len = key.len;
	item->key = xmalloc(key.len + 1);
	if (key.len > 0)
		memcpy(item->key, key.p, key.len);
	for (; i > 0 && c->heap[(i - 1) / 2].due > due; i = (i - 1) / 2)
		swap_timers(c, i, (i - 1) / 2);
}

void
timer_queue_add(struct timer_queue *c, int64_t due, const void *key, size_t len)
{
	struct text t = { key, len };

	if (c->store != NULL)
		store_timer(c, due, t);
	else
		push_timer(c, due, t);
}

static void
remove_first_timer(struct timer_queue *c)
{
	size_t i = 0, child;

	free(c->heap[0].key);
	c->heap[0] = c->heap[--c->n];
	while ((child = 2 * i + 1) < c->n) {
		if (child + 1 < c->n &&
		    c->heap[child + 1].due < c->heap[child].due)
			child++;
		if (c->heap[i].due <= c->heap[child].due)
			break;
		swap_timers(c, i, child);
		i = child;
	}
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

static bool
pop_timer(struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	if (c->n == 0 || c->heap[0].due > now)
		return false;
	buf_clear(&c->key);
	buf_add(&c->key, c->heap[0].key, c->heap[0].len);
	*due = c->heap[0].due;
	remove_first_timer(c);
	key->p = buf_str(&c->key);
	key->len = c->key.len;
	return true;
}

bool
timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	return c->store != NULL ? next_stored_timer(c, now, key, due)
				: pop_timer(c, now, key, due);
}
