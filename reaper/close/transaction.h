/*
 * transaction: deletes the rows of closed chats of one tenant.
 *
 * It locks the tenant exclusively (common/db/db.h), so no row is
 * stored meanwhile. It keeps every chat that was open after the CRM had been
 * asked, writes the rows to the archive and syncs it, deletes them, leaves a
 * tombstone with the time of the request, and commits.
 */
#ifndef REAPER_CLOSE_TRANSACTION_H
#define REAPER_CLOSE_TRANSACTION_H

#include "reaper/close/close.h"

/* Deletes the chats that are to be deleted, unless it is a dry run, and sets
 * the fate of those that turn out to be newer, or whose tenant is unknown.
 * Errors are logged, and their code is set in the stage. */
enum outcome transaction_run(struct close_run *c, struct answer *list, size_t n)
    __attribute__((warn_unused_result));

/* Counts the chats of the answers' tenant in the database, and those that are
 * gone according to the n answers. */
enum outcome transaction_count(struct close_run *c, struct answer *list,
    size_t n, uint64_t *rows, uint64_t *gone)
    __attribute__((warn_unused_result));

#endif
