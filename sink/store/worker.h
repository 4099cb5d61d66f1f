/*
 * worker: a thread with a database connection of its own, that stores one
 * batch at a time. While it does, whoever started it does something else.
 *
 * What belongs to a batch is the worker's from worker_start() until
 * worker_wait() says that it rests; so is its connection. Nothing else is
 * shared.
 */
#ifndef SINK_STORE_WORKER_H
#define SINK_STORE_WORKER_H

#include "sink/store/batch_store.h"

#include <stdatomic.h>

struct worker;

/* Takes db, and closes it at the end. keep_ms, all: see store_init(). *stored
 * counts the batches of all workers that are given it, and outlives them. */
struct worker *worker_new(struct db *db, int64_t keep_ms, bool all,
    atomic_uint_least64_t *stored) __attribute__((warn_unused_result));

/* Stores a batch that is sorted; the worker must be at rest. */
void worker_start(struct worker *w, struct batch *b, bool wait_forever);

/* Waits up to timeout_ms for it. True: it rests. */
bool worker_wait(struct worker *w, int timeout_ms);

/* Of the last batch, once it rests: the outcome, and when among all workers'
 * batches it was done. */
enum outcome worker_outcome(const struct worker *w);
uint64_t worker_done(const struct worker *w);

/* Its connection; only while it rests. */
struct db *worker_db(struct worker *w);

/* Waits until it rests. NULL is fine. */
void worker_free(struct worker *w);

#endif
