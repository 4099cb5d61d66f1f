/*
 * workers: threads with their own database connections, which store batches of
 * rows (batch_store.h), one transaction after the other.
 *
 * The first third of the workers stores the figures, which arrive in bursts,
 * and the others store the records that aggregators pass on, so a new message
 * seldom waits for the figures of a thousand chats. The figures of a tenant
 * belong to one worker, which stores them in the order of their arrival, as it
 * does the end of its snapshot. The records of a chat belong to one worker.
 * Therefore no key occurs in the batches of two workers, and sums by tenant
 * (batch_store.h) do not wait for another worker.
 *
 * Each worker has two batches: one is filled while the other one is stored.
 * They are numbered as they are started, so that a reader can tell up to which
 * batch of each worker its lines are safe (struct workers_mark).
 *
 * One thread fills and starts batches and takes back stored ones.
 */
#ifndef SINK_STORE_WORKERS_H
#define SINK_STORE_WORKERS_H

#include "common/conf/conf.h"
#include "sink/store/batch_store.h"

enum { WORKERS_MAX = 8 };

struct workers;

/* The number of a batch for each worker. */
struct workers_mark {
	uint64_t batch[WORKERS_MAX];
};

/* A finished batch, stored or not. */
struct worker_result {
	struct row_batch *batch;
	enum outcome outcome;
	const struct db *db; /* has the reason if the outcome is not DONE */
	uint64_t retries;
	size_t worker; /* for workers_take_back() */
};

/* Owns db; terms are borrowed. wait_forever: failures are retried. */
struct workers *workers_open(struct db *db, const struct conf *conf,
    const struct terms_book *terms, bool wait_forever)
    __attribute__((warn_unused_result));

/* Waits until running transactions are finished. NULL is allowed. */
void workers_close(struct workers *w);

/* Return the batch for a tenant's figures, and for passed-on records about a
 * chat; chat.p NULL: about none. */
struct row_batch *workers_figures(struct workers *w, struct text tenant);
struct row_batch *workers_records(
    struct workers *w, struct text tenant, struct text chat);

/* True if a batch is full: no row may be added to any batch until that one is
 * started. */
bool workers_full(const struct workers *w);

/* Starts the batches of idle workers if they are full, or if their first row
 * arrived by that time (monotonic). */
void workers_start(struct workers *w, int64_t by_ms);

/* Waits up to timeout_ms until a started batch is finished; with 0, it only
 * checks, which is cheap. Returns false if there is none. */
bool workers_result(struct workers *w, int timeout_ms, struct worker_result *r);

/* Call when the batch in the result is no longer needed: it counts as safe. */
void workers_take_back(struct workers *w, const struct worker_result *r);

/* The first records the batches with everything added so far; the second
 * returns whether they are safe. */
void workers_mark(const struct workers *w, struct workers_mark *m);
bool workers_safe(const struct workers *w, const struct workers_mark *m);

#endif
