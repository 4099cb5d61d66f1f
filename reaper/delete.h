/*
 * delete: the one transaction that deletes what belonged to closed chats; see
 * closed.h for the order of its steps and why.
 */
#ifndef REAPER_DELETE_H
#define REAPER_DELETE_H

#include "reaper/closed.h"

/* Deletes c->now, all of them closed or gone, and sets the fate of each. What
 * went wrong is logged, and its code in the stage. Dry run: c->shown gets the
 * rows that would go. */
enum outcome delete_slice(struct closed *c) __attribute__((warn_unused_result));

/* How many chats the database knows of the run's tenant, and how many of
 * those are gone ones of the run. */
enum outcome delete_count(struct closed *c, struct closing *const *run,
    size_t n, uint64_t *rows, uint64_t *gone)
    __attribute__((warn_unused_result));

#endif
