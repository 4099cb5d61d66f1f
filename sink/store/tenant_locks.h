/*
 * tenant_locks: a batch shares its tenants (common/db/tenant_lock.h), or has
 * them alone when a snapshot ends in it or newest_at grows. What their rows of
 * `tenants` say is read with the lock.
 *
 * Why the lock: the reaper has the tenant alone when it writes tombstones. A
 * sink that did not share it, and read tombstones at the same time, would store
 * a closed chat again.
 *
 * tenants.newest_at is the newest time of a row of the tenant's present state:
 * of its chats, its operators or itself, whichever of them the aggregator
 * writes. It only grows, unlike the time of the row that is stored: a stream
 * that starts over writes newer versions of older times. So a chat whose
 * tombstone went by it stays too old.
 */
#ifndef SINK_STORE_TENANT_LOCKS_H
#define SINK_STORE_TENANT_LOCKS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* In the transaction, before anything else, with the slot of its connection.
 * Adds tenants that have no row yet; sets `stored` of each and what grows in
 * this try. Once the batch had to have its tenants alone, it does so at once in
 * its next try. */
enum outcome tenant_locks_take(struct db *db, struct row_batch *b,
    unsigned slot) __attribute__((warn_unused_result));

/* With the tenant alone: stores newest_at, as tenant_locks_take() found it,
 * where it is newer. */
enum outcome tenant_locks_raise_newest(struct db *db,
    const struct batch_tenant *t) __attribute__((warn_unused_result));

#endif
