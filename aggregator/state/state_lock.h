/*
 * state_lock: makes the folder that --state names if it is missing, and locks
 * it, so that only one aggregator uses it.
 */
#ifndef AGGREGATOR_STATE_STATE_LOCK_H
#define AGGREGATOR_STATE_STATE_LOCK_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* Returns the descriptor of the lock file `lock` in dir, for lock_release(); or
 * -1, the code and *why. */
int state_lock_take(const char *dir, const char *lock, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

#endif
