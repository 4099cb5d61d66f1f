/*
 * state_folder: the folder that --state names, made if it is missing, and its
 * lock: of aggregators there is one to a folder.
 */
#ifndef AGGREGATOR_STATE_STATE_FOLDER_H
#define AGGREGATOR_STATE_STATE_FOLDER_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* The descriptor of the lock, for lock_release(); -1 with the code and *why. */
int state_folder_take(const char *dir, const char *lock, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

#endif
