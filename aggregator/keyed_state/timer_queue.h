/*
 * timer_queue: keys with the time, in milliseconds, at which they become due.
 * It is in memory or, with a state, a table of it: adding and removing a key
 * changes the table, the caller commits. Only due keys are read, so a queue may
 * have the keys of a whole day and costs nothing at start.
 */
#ifndef AGGREGATOR_KEYED_STATE_TIMER_QUEUE_H
#define AGGREGATOR_KEYED_STATE_TIMER_QUEUE_H

#include "common/base/buf.h"

#include "aggregator/containers/key.h"

#include <stdbool.h>

struct keyed_state_home;
struct lmdb_table;

struct timer_queue_item {
	int64_t due;
	char *key;
	size_t len;
};

/* Private. */
struct timer_queue {
	const struct keyed_state_home *home;
	struct lmdb_table *store;       /* NULL: everything is in memory */
	int64_t earliest;               /* no stored key is due before this */
	struct timer_queue_item *items; /* without a store */
	size_t n, cap, at;              /* at: the next one to look at */
	struct buf key; /* the key that timer_queue_next() returned last */
};

/* Opens a queue and adds it to the home, which closes it. The name is that of a
 * table in the state and must always be the same. */
void timer_queue_open(
    struct timer_queue *c, struct keyed_state_home *home, const char *name);
void timer_queue_close(struct timer_queue *c);

/* Adds a key, which is copied. A key that is added twice with the same time may
 * be returned once or twice. */
void timer_queue_add(
    struct timer_queue *c, int64_t due, const void *key, size_t len);

/* Removes and returns a key that is due at `now` or before, borrowed until the
 * next call. Returns false if no key is due; call it until it does. In a state,
 * the earliest comes first. */
bool timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due);

#endif
