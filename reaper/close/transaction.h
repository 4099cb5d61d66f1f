/*
 * transaction: deletes the rows of closed chats of one tenant.
 *
 * It has the tenant alone (common/db/tenant_lock.h), so no row is stored
 * meanwhile. It keeps every chat that was seen open after the CRM was asked,
 * writes the rows to the archive and syncs it, deletes them, leaves a tombstone
 * dated when the CRM was asked, and commits.
 */
#ifndef REAPER_CLOSE_TRANSACTION_H
#define REAPER_CLOSE_TRANSACTION_H

#include "reaper/close/close.h"

/* Deletes the chats whose fate is to be deleted, and sets the fate of those
 * that turn out to be newer, or of an unknown tenant. Errors are logged, and
 * their code is set in the stage. Dry run: nothing is changed, and c->would_go
 * gets the rows that would be deleted. */
enum outcome transaction_run(struct close *c, struct answer *list, size_t n)
    __attribute__((warn_unused_result));

/* Counts the chats of the answers' tenant in the database, and those that the n
 * answers say are gone. */
enum outcome transaction_count(struct close *c, struct answer *list, size_t n,
    uint64_t *rows, uint64_t *gone) __attribute__((warn_unused_result));

#endif
