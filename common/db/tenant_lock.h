/*
 * tenant_lock: transactions that store rows of a tenant share it, and those
 * that delete rows, end a snapshot or add rows up have it alone. The table
 * tenant_locks has TENANT_SLOTS rows for each tenant. Anyone who shares the
 * tenant changes one of them, its slot; anyone who needs it alone changes all.
 *
 * In one server the locks of these rows keep the transactions apart. In a
 * Galera cluster a lock holds on one node only, and what is certified at COMMIT
 * is what a transaction has written: so the rows are written, not only locked.
 * Of two transactions on two nodes that wrote the same row the later one is
 * rolled back, and db_transaction() repeats it.
 *
 * Call these first in a transaction: what is read before may be too old. A
 * plain SELECT is enough then to read what others stored.
 */
#ifndef COMMON_DB_TENANT_LOCK_H
#define COMMON_DB_TENANT_LOCK_H

#include "common/base/text.h"
#include "common/db/db.h"

enum { TENANT_SLOTS = 16 };

/* A slot for one connection of a program: those of one process have different
 * ones, and begin at random, so that sinks seldom wait for each other. */
unsigned tenant_lock_slot(void);

/* Shares the tenants. They are sorted by text_compare(), so that no two
 * transactions wait for each other. */
enum outcome tenant_lock_share(struct db *db, const struct text *tenants,
    size_t n, unsigned slot) __attribute__((warn_unused_result));

/* Keeps all others from the tenants, also after tenant_lock_share(). */
enum outcome tenant_lock_alone(struct db *db, const struct text *tenants,
    size_t n) __attribute__((warn_unused_result));

#endif
