/*
 * tenant_locks: a batch shares its tenants (common/db/db.h), or locks them
 * exclusively if a snapshot ends in it or newest_at grows. Their rows in
 * `tenants` are read under the lock.
 *
 * The lock is needed because the reaper locks the tenant exclusively when it
 * writes tombstones. A sink that did not share the tenant, and read tombstones
 * at the same time, would store a closed chat again.
 *
 * tenants.newest_at is the newest time of a row of the tenant's present state:
 * a row about its chats, its operators or itself, depending on what the
 * aggregator writes. It only grows, unlike the time of the stored row: a
 * restarted stream writes newer versions of older times. Therefore a chat whose
 * tombstone was deleted because of it stays too old.
 *
 * Rows of new tenants are added before the transaction, in a statement of its
 * own: if a transaction added them, every other transaction about these tenants
 * would wait for its end, and a flood of new tenants would be stored by one
 * connection at a time.
 */
#ifndef SINK_STORE_TENANT_LOCKS_H
#define SINK_STORE_TENANT_LOCKS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* Call before the transaction. Adds rows for tenants that have none and, if the
 * batch has rows of their current state, sets newest_at to the time of the
 * oldest of these rows, so that none of them is too old. `known` has the
 * tenants that earlier calls found; zeroed, it is empty, and the caller
 * releases it. A failure is ignored: the transaction does the same. */
void tenant_locks_prepare(
    struct db *db, struct strmap *known, const struct row_batch *b);

/* Call first in the transaction, with the slot of its connection. Adds tenants
 * that have no row yet; sets `stored` of each, and the values that grow in this
 * attempt. If the batch needed exclusive access to its tenants, its next
 * attempt locks them exclusively from the start. */
enum outcome tenant_locks_take(struct db *db, struct row_batch *b,
    unsigned slot) __attribute__((warn_unused_result));

/* With exclusive access to the tenant: stores newest_at, as tenant_locks_take()
 * found it, if it is newer. */
enum outcome tenant_locks_raise_newest(struct db *db,
    const struct batch_tenant *t) __attribute__((warn_unused_result));

#endif
