/*
 * file: what read(2), write(2) and fsync(2) leave to their callers: short
 * counts, interruptions, and the folder that has to remember a name. All
 * return 0 unless they say otherwise, or -1 with errno.
 */
#ifndef COMMON_OS_FILE_H
#define COMMON_OS_FILE_H

#include "common/base/buf.h"

#include <stddef.h>

/* Appends everything up to the end of fd; EFBIG when that is more than the
 * buffer's cap allows. */
int file_read_all(int fd, struct buf *b) __attribute__((warn_unused_result));

int file_write_all(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Opens a file of lines to write more behind them; one that is made is its
 * owner's alone, and found again after a loss of power. What a killed process
 * left of a line goes; *torn says how many bytes. Nobody else can open it so
 * meanwhile: EWOULDBLOCK. What is no regular file is only opened. flags: more
 * of open(2). The descriptor, or -1. */
int file_open_lines(const char *path, int flags, size_t *torn)
    __attribute__((warn_unused_result));

/* All of it, at that place; EIO when the file ends before. */
int file_read_at(int fd, void *data, size_t len, size_t at)
    __attribute__((warn_unused_result));
int file_write_at(int fd, const void *data, size_t len, size_t at)
    __attribute__((warn_unused_result));

/* Makes a file that was made or renamed there be found again after a loss of
 * power. */
int file_sync_folder_of(const char *path) __attribute__((warn_unused_result));

/* Whether path can be opened for reading, for a library that would not say why
 * it cannot. */
int file_readable(const char *path);

#endif
