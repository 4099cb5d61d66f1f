/*
 * delete_transaction: deletes the rows of closed chats; see chat_deletion.h for
 * the steps of the transaction.
 */
#ifndef REAPER_DELETION_DELETE_TRANSACTION_H
#define REAPER_DELETION_DELETE_TRANSACTION_H

#include "reaper/deletion/chat_deletion.h"

/* Deletes c->slice, all of them closed or gone, and sets the fate of each.
 * Errors are logged, and their code is set in the stage. Dry run: c->shown gets
 * the rows that would be deleted. */
enum outcome delete_slice(struct chat_deletion *c)
    __attribute__((warn_unused_result));

/* Counts the chats that the database has of the answers' tenant, and those that
 * the n answers say are gone. */
enum outcome delete_count(struct chat_deletion *c,
    struct chat_answer *const *answers, size_t n, uint64_t *rows,
    uint64_t *gone) __attribute__((warn_unused_result));

#endif
