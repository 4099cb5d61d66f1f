/*
 * snapshot_end: the end of a snapshot of rows. Its rows are in the tables
 * already (the newest wins, as they come); the end marker removes what the
 * snapshot no longer has, and only if every row of it has arrived.
 *
 * Whether it has is counted in the tables themselves: rows whose version is the
 * snapshot's time, and those of it in refused_rows. That survives crashes and
 * repetition, and does not care which sink stored which row. An end marker
 * that comes before the last rows is kept in `tenants` as pending; the batch
 * that brings the last row then completes it.
 */
#ifndef SINK_STORE_SNAPSHOT_END_H
#define SINK_STORE_SNAPSHOT_END_H

#include "common/db/db.h"
#include "sink/store/batch.h"

/* Looks at the tenant's end marker, else at its pending one, and sweeps when
 * the snapshot is whole. Within a transaction that holds the exclusive lock
 * on the tenant; sets t->fate, ended, arrived, swept and left. */
enum outcome snapshot_end(struct db *db, struct tenant *t)
    __attribute__((warn_unused_result));

#endif
