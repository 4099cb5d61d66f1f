/*
 * tenant_locks: the locks of a batch on its rows of `tenants`: shared, or
 * exclusive when a snapshot ends in it, newest_at grows or a message was
 * edited. What these rows say is read with the lock.
 *
 * Why the lock: the reaper writes tombstones under the exclusive lock. Without
 * the shared one, a sink that reads tombstones at the same time would store a
 * closed chat again.
 *
 * tenants.newest_at is the newest time of a row of the tenant's present state:
 * of its chats, its operators or itself, whichever of them the aggregator
 * writes. It only grows, unlike the time of the row that is stored: a stream
 * that begins anew writes newer versions of older times. So a chat whose
 * tombstone went by it stays too old.
 */
#ifndef SINK_STORE_TENANT_LOCKS_H
#define SINK_STORE_TENANT_LOCKS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* In the transaction, before anything else. Adds tenants that have no row yet;
 * sets `stored` of each and what grows in this try. Once the exclusive lock was
 * necessary, the batch takes it at once in its next try. */
enum outcome tenant_locks_take(struct db *db, struct row_batch *b)
    __attribute__((warn_unused_result));

/* With the exclusive lock: stores newest_at and edited_at, as
 * tenant_locks_take() found them, where they are newer. */
enum outcome tenant_locks_raise_times(struct db *db,
    const struct batch_tenant *t) __attribute__((warn_unused_result));

#endif
