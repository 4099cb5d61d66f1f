/*
 * lock: a lock between processes, by flock(2) on a file. The kernel releases it
 * when the process ends, however it ends.
 */
#ifndef COMMON_OS_LOCK_H
#define COMMON_OS_LOCK_H

#include "common/base/buf.h"

/* The descriptor (>= 0) to keep open while the lock is wanted; -1 with *why,
 * and errno EWOULDBLOCK when another process holds it. */
int lock_take(const char *path, struct buf *why)
    __attribute__((warn_unused_result));
void lock_release(int fd);

#endif
