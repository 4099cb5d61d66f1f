/*
 * timer_queue: a binary heap, the earliest first. In the state an entry is a
 * key consisting of tenant, time and the caller's key, with an empty value.
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
	c->stored_from = INT64_MIN;
	if (home->state != NULL)
		c->store = state_table(home->state, name, STATE_BYTES);
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
	memset(c, 0, sizeof *c);
}

static void
swap_timers(struct timer_queue *c, size_t a, size_t b)
{
	struct timer_queue_item item = c->heap[a];

	c->heap[a] = c->heap[b];
	c->heap[b] = item;
}

void
timer_queue_add(struct timer_queue *c, int64_t due, const void *key, size_t len)
{
	struct timer_queue_item *item;
	size_t i = c->n;

	XGROW(c->heap, c->n, c->cap);
	item = &c->heap[c->n++];
	item->due = due;
	item->len = len;
	item->key = xmalloc(len + 1);
	if (len > 0)
		memcpy(item->key, key, len);
	for (; i > 0 && c->heap[(i - 1) / 2].due > due; i = (i - 1) / 2)
		swap_timers(c, i, (i - 1) / 2);
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

static void
make_timer_key(struct buf *b, const struct timer_queue *c,
    const struct timer_queue_item *item)
{
	struct key k = { 0 };

	keyed_state_home_prefix(c->home, &k);
	key_time(&k, item->due);
	buf_clear(b);
	buf_add(b, k.bytes, k.len);
	buf_add(b, item->key, item->len);
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

	if (c->store == NULL || c->stored_from > now)
		return false;
	keyed_state_home_prefix(c->home, &prefix);
	buf_clear(&c->key);
	state_each(c->store, prefix.bytes, prefix.len, copy_timer_key, c);
	c->stored_from = INT64_MAX;
	if (c->key.len < prefix.len + 8)
		return false;
	key->p = c->key.data;
	key->len = c->key.len;
	at = prefix.len;
	*due = key_read_time(*key, &at);
	c->stored_from = *due;
	if (*due > now)
		return false;
	state_delete(c->store, c->key.data, c->key.len);
	key->p += at;
	key->len -= at;
	return true;
}

bool
timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due)
{
	if (next_stored_timer(c, now, key, due))
		return true;
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

static int
compare_timer_items(const void *a, const void *b)
{
	int64_t x = ((const struct timer_queue_item *)a)->due;
	int64_t y = ((const struct timer_queue_item *)b)->due;

	return (x > y) - (x < y);
}

void
timer_queue_save(struct timer_queue *c)
{
	struct buf key = BUF_INIT;
	size_t i;

	if (c->store == NULL || c->n == 0)
		return;
	/* Sorted, because neighbouring keys share pages. */
	qsort(c->heap, c->n, sizeof *c->heap, compare_timer_items);
	if (c->heap[0].due < c->stored_from)
		c->stored_from = c->heap[0].due;
	for (i = 0; i < c->n; i++) {
		make_timer_key(&key, c, &c->heap[i]);
		state_put(c->store, key.data, key.len, "", 0);
		free(c->heap[i].key);
	}
	c->n = 0;
	buf_release(&key);
}
