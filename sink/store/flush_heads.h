/*
 * flush_heads: stores flushes (flush.h) by compare and swap. A flush names the
 * tenant's flush before it; it is stored, with its rows and its part of the
 * state, if that one is the tenant's last stored flush, and is then the last
 * one itself. So the figures and the state in the database belong together, and
 * of two aggregators that both work on a tenant only one succeeds; the other
 * one is told (flush_answers.h) and begins again with the state that is stored.
 *
 * The row in stream_heads is locked from the comparison to the COMMIT, and
 * every flush that is stored writes it: a rival waits for the lock, or fails at
 * the certification of a Galera cluster, and compares again.
 *
 * What is left if the program, or the machine, stops
 *
 *   before COMMIT          nothing of the flush. Its messages are delivered
 *                          again, except those that begin an incomplete flush
 *                          and were acknowledged: then there is no answer
 *                          "stored", and the writer sends all of the round
 *   after COMMIT           all of it, except dead letters; delivered or sent
 *                          again, it is known: the tenant's last flush is this
 *                          or a later one of its writer. Its rows are stored
 *                          again, which changes nothing but finds the dead
 *                          letters. If another writer's flush followed, it is
 *                          refused
 *   after the answer, or   the same; the writer asks again, all flushes are
 *   before it              known, and the answer is "stored"
 *
 * A flush is refused, too, if the tenant was removed after it was made, or if
 * it follows one that the tenant's removal has deleted.
 */
#ifndef SINK_STORE_FLUSH_HEADS_H
#define SINK_STORE_FLUSH_HEADS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

struct flush_heads {
	struct db *db;

	/* private */
	struct db_bulk *heads, *parts;
};

void flush_heads_init(struct flush_heads *h, struct db *db);
void flush_heads_release(struct flush_heads *h);

/* Call in the transaction, after the locks are taken and the fate of the rows
 * is decided. Locks the heads of the batch's flushes and decides their fate;
 * rows of flushes that are refused get the fate ROW_FLUSHED. */
enum outcome flush_heads_decide(struct flush_heads *h, struct row_batch *b)
    __attribute__((warn_unused_result));

/* Stores heads and states of the flushes that are taken, and deletes the
 * changes that are no longer needed. */
enum outcome flush_heads_store(struct flush_heads *h, struct row_batch *b)
    __attribute__((warn_unused_result));

#endif
