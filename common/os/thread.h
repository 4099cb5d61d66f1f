/*
 * thread: creates threads with all signals blocked, so that signals reach the
 * main thread and end its waits. A thread that needs a signal unblocks it
 * (profile_jq.c).
 */
#ifndef COMMON_OS_THREAD_H
#define COMMON_OS_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

/* Runs run(ctx) in a new thread, which `ps -L` shows as name (at most 15
 * bytes). Returns PROG_OK, or the exit code and *why. */
enum exit_code thread_start(pthread_t *t, const char *name,
    void *(*run)(void *), void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* The same, but ends the process if the thread cannot be created. */
void thread_must_start(
    pthread_t *t, const char *name, void *(*run)(void *), void *ctx);

/* Returns the monotonic time in ms from now, for pthread_cond_timedwait() on a
 * condition with that clock. */
struct timespec thread_deadline(int64_t ms);

#endif
