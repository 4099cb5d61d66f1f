/*
 * thread: the one way to make a thread. No signal comes to it: those are the
 * main thread's, which waits where they wake it. Who needs one in a thread
 * lets it in there (profile_clock.c).
 */
#ifndef COMMON_OS_THREAD_H
#define COMMON_OS_THREAD_H

#include <pthread.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

/* Runs run(ctx) in a new thread, which `ps -L` shows as name: at most 15
 * bytes. PROG_OK, or the code and what to say in why. */
enum exit_code thread_start(pthread_t *t, const char *name,
    void *(*run)(void *), void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* For who cannot go on without: ends the process when there is no thread. */
void thread_must_start(
    pthread_t *t, const char *name, void *(*run)(void *), void *ctx);

#endif
