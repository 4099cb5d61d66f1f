/*
 * timer_queue: keys sorted by the time, in milliseconds, at which they become
 * due. It is in memory or in the state. With a state, only due keys are read,
 * so it may have the keys of a whole day and costs nothing at start.
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
	struct state_table *store;     /* NULL: everything is in memory */
	struct timer_queue_item *heap; /* all keys; with a store: unsaved
					* keys */
	size_t n, cap;
	int64_t stored_from; /* no key in the store is due before this time */
	struct buf key;      /* the key that timer_queue_next() returned last */
};

/* Opens a queue and adds it to the home. The name is that of a table in the
 * state and must always be the same. */
void timer_queue_open(
    struct timer_queue *c, struct keyed_state_home *home, const char *name);
void timer_queue_close(struct timer_queue *c);

/* Adds a key, which is copied. A key that is added twice with the same time may
 * be returned once or twice. */
void timer_queue_add(
    struct timer_queue *c, int64_t due, const void *key, size_t len);

/* Removes and returns the next key that is due at `now` or earlier, borrowed
 * until the next call; false if there is none. Saved keys come in order of
 * time, and so do unsaved ones, but the two may be mixed. */
bool timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due);

/* Writes added keys into the state; the caller commits. */
void timer_queue_save(struct timer_queue *c);

#endif
