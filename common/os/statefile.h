/*
 * statefile: a small file that is replaced atomically. It is written to a
 * temporary name in the same folder, synced, renamed, and the folder synced: a
 * reader sees the old or the new content, never half of one. The first line has
 * a checksum, so that damage is detected.
 */
#ifndef COMMON_OS_STATEFILE_H
#define COMMON_OS_STATEFILE_H

#include "common/base/buf.h"

/* The temporary name is the name with this. */
#define STATEFILE_NEW ".new"

/* 0, or -1 with *why; errno is kept (ENOSPC, ...). Mode 0600. */
int statefile_write(const char *path, const void *data, size_t len,
    struct buf *why) __attribute__((warn_unused_result));

/* 1 and the content, 0 when there is no such file, -1 with *why when it is
 * damaged or cannot be read. */
int statefile_read(const char *path, struct buf *content, struct buf *why)
    __attribute__((warn_unused_result));

#endif
