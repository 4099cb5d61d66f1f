/*
 * store_worker: a thread with its own database connection that stores one part
 * of a group at a time, while the caller goes on reading.
 *
 * The worker owns the part and the connection from store_worker_start() until
 * store_worker_wait() returns true; only then the caller may use them. Nothing
 * else is shared.
 */
#ifndef SINK_STORE_STORE_WORKER_H
#define SINK_STORE_STORE_WORKER_H

#include "sink/rows/batch_group.h"
#include "sink/store/batch_store.h"

#include <stdatomic.h>

struct store_worker;

/* Owns db, and store_worker_free() closes it. keep_ms, all: see
 * batch_store_init(). *stored counts the batches of all workers that share it,
 * and outlives them. */
struct store_worker *store_worker_new(struct db *db, int64_t keep_ms, bool all,
    atomic_uint_least64_t *stored) __attribute__((warn_unused_result));

/* Stores a part of a sorted and divided group; the worker must be idle. */
void store_worker_start(struct store_worker *w, struct batch_group *g,
    size_t part, bool wait_forever);

/* Waits up to timeout_ms for the batch; 0: only looks, and is cheap. True: the
 * worker is idle. */
bool store_worker_wait(struct store_worker *w, int timeout_ms);

/* Of the last batch, once the worker is idle: its outcome, and its place among
 * the batches of all workers in the order in which they were done, from 1. */
enum outcome store_worker_outcome(const struct store_worker *w);
uint64_t store_worker_done(const struct store_worker *w);

/* The worker's connection; use it only while the worker is idle. */
struct db *store_worker_db(struct store_worker *w);

/* Waits until the worker is idle, then ends it. NULL is fine. */
void store_worker_free(struct store_worker *w);

#endif
