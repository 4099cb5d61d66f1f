/*
 * timer_queue: keys in the order of the time, in milliseconds, at which they
 * become due. It is held in memory, or in the state; there only what is due is
 * ever read, so that it may hold a day of keys and costs nothing at a start.
 */
#ifndef AGGREGATOR_KEYED_STATE_TIMER_QUEUE_H
#define AGGREGATOR_KEYED_STATE_TIMER_QUEUE_H

#include "common/base/buf.h"

#include "aggregator/containers/key.h"

#include <stdbool.h>

struct keyed_state_home;
struct state_table;

struct timer_queue_item {
	int64_t due;
	char *key;
	size_t len;
};

/* Private. */
struct timer_queue {
	struct keyed_state_home *home;
	struct state_table *store;     /* NULL: all in memory */
	struct timer_queue_item *heap; /* all; with a store: unsaved ones */
	size_t n, cap;
	int64_t stored_from; /* nothing in the store is due before this */
	struct buf key;      /* the one that timer_queue_next() returned last */
};

/* Opens a queue and adds it to the home. The name is that of a table of the
 * state, the same whenever the state is opened. */
void timer_queue_open(
    struct timer_queue *c, struct keyed_state_home *home, const char *name);
void timer_queue_close(struct timer_queue *c);

/* Adds a key, which is copied. An equal key and time that is added twice may
 * come back once or twice. */
void timer_queue_add(
    struct timer_queue *c, int64_t due, const void *key, size_t len);

/* Removes and returns the next key that is due at `now` or before, borrowed
 * until the next call. False: none. Saved keys come in the order of time, and
 * so do unsaved ones, but not the two together. */
bool timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due);

/* Writes the keys that were added into the state; the caller commits. */
void timer_queue_save(struct timer_queue *c);

#endif
