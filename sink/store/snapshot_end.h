/*
 * snapshot_end: completes a snapshot of rows. Its rows are stored in the tables
 * as they arrive. When every row of the snapshot has arrived, its end marker
 * removes operators that it no longer has, and marks chats that it no longer
 * has as left.
 *
 * The rows that have arrived are counted in the tables: rows whose version is
 * the snapshot's time, and its rows in refused_rows. The count therefore
 * survives crashes and repetition, and any number of sinks may store the rows.
 * An end marker that arrives before the last rows is stored in `tenants` as
 * pending; the batch with the last row completes it.
 */
#ifndef SINK_STORE_SNAPSHOT_END_H
#define SINK_STORE_SNAPSHOT_END_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* Handles the newer of the tenant's end marker and its pending one. Must run in
 * a transaction that has the exclusive lock on the tenant; sets t->fate, ended,
 * arrived, swept and left. */
enum outcome snapshot_end(struct db *db, struct batch_tenant *t)
    __attribute__((warn_unused_result));

#endif
