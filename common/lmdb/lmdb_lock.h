/*
 * lmdb_lock: keeps the file of an open LMDB in its place. Every process that
 * has a shared file open (lmdb_file.h) holds a shared flock on LMDB's own lock
 * file, FILE-lock, for which LMDB itself uses locks of fcntl(). A process that
 * removes or replaces the file needs that lock alone: otherwise, a process that
 * still has the old file open would pass its transaction numbers to those that
 * open the new one, through FILE-lock.
 */
#ifndef COMMON_LMDB_LMDB_LOCK_H
#define COMMON_LMDB_LMDB_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the lock before the file is opened, and allocates FILE-lock: LMDB maps
 * it, and on a full disk, a write to an unallocated page would kill the
 * process. Returns a descriptor, to be closed after the file; or -1 with errno,
 * EBUSY while another process replaces the file. */
int lmdb_lock_open(const char *path) __attribute__((warn_unused_result));

/* True if no other process has the file open; then none can open it until the
 * descriptor is closed. Otherwise, the lock is lost, and the file must be
 * closed. */
bool lmdb_lock_alone(int lock) __attribute__((warn_unused_result));

/* Removes the file and FILE-lock. Waits at most wait_ms, or until asked to
 * stop, for processes that have it open; then returns -1 with EWOULDBLOCK.
 * Returns 0 if the file is missing. */
int lmdb_remove(const char *path, int64_t wait_ms)
    __attribute__((warn_unused_result));

#endif
