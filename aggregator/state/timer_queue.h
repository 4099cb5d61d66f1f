/*
 * timer_queue: what becomes due at a time: keys in the order of time. In
 * memory, or in the state, where only what is due is ever read, so that it may
 * hold a day of things to expire and costs nothing at a start.
 */
#ifndef AGGREGATOR_STATE_TIMER_QUEUE_H
#define AGGREGATOR_STATE_TIMER_QUEUE_H

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
	struct timer_queue_item *heap; /* with a store: what is not saved yet */
	size_t n, cap;
	int64_t stored_from; /* nothing in the store is due before */
	struct buf key;      /* the one handed out last, with its due */
};

/* Opens it and puts it into the home. The name is one of the state's tables,
 * the same whenever the state is opened. */
void timer_queue_open(
    struct timer_queue *c, struct keyed_state_home *home, const char *name);
void timer_queue_close(struct timer_queue *c);

/* Adding the same again may give it once or twice. */
void timer_queue_add(
    struct timer_queue *c, int64_t due, const void *key, size_t len);

/* Takes the next one that is due at `now` or before; its key is borrowed until
 * the next call. False: none. What is in the state comes in the order of time,
 * and so does what is not saved yet, but not the two together. */
bool timer_queue_next(
    struct timer_queue *c, int64_t now, struct text *key, int64_t *due);

/* Puts what was added into the state; the caller commits. */
void timer_queue_save(struct timer_queue *c);

#endif
