/*
 * file: what read(2), write(2) and fsync(2) leave to their callers: short
 * counts, interruptions, and the folder that has to remember a name. All
 * return 0, or -1 with errno.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/buf.h"

#include <stddef.h>

/* Appends everything up to the end of fd; EFBIG when that is more than the
 * buffer's cap allows. */
int file_read_all(int fd, struct buf *b) __attribute__((warn_unused_result));

int file_write_all(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Makes a file that was made or renamed there be found again after a loss of
 * power. */
int file_sync_folder_of(const char *path) __attribute__((warn_unused_result));

#endif
