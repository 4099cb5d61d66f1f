/*
 * tenant_lock: locks of tenants. Transactions that store rows for a tenant
 * share it; those that delete rows, end a snapshot or add up rows need
 * exclusive access. The table tenant_locks has TENANT_SLOTS rows for each
 * tenant. To share the tenant, a transaction changes one of them, its slot; for
 * exclusive access, it changes all.
 *
 * Within one server, the locks of these rows separate the transactions. In a
 * Galera cluster, a lock is valid on one node only, and COMMIT certifies the
 * rows that a transaction has written, so the rows are written, not only
 * locked. If transactions on two nodes wrote the same row, the later one is
 * rolled back, and db_transaction() repeats it.
 *
 * Call these first in a transaction, because data read earlier may be outdated.
 * Afterwards, a plain SELECT sees the data that others stored.
 */
#ifndef COMMON_DB_TENANT_LOCK_H
#define COMMON_DB_TENANT_LOCK_H

#include "common/base/prog.h"
#include "common/base/text.h"

#include <stddef.h>

struct db;

enum { TENANT_SLOTS = 16 };

/* Returns a slot for one connection of a program. Connections of one process
 * have different slots, which begin at random, so that sinks seldom wait for
 * each other. */
unsigned tenant_lock_slot(void);

/* Shares the tenants, which must be sorted by text_compare(), so that no two
 * transactions wait for each other. */
enum outcome tenant_lock_share(struct db *db, const struct text *tenants,
    size_t n, unsigned slot) __attribute__((warn_unused_result));

/* Excludes all other transactions from the tenants; may be called after
 * tenant_lock_share(). */
enum outcome tenant_lock_alone(struct db *db, const struct text *tenants,
    size_t n) __attribute__((warn_unused_result));

#endif
