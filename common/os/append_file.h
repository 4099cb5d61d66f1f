/*
 * append_file: a private file (mode 0600) to which whole lines are appended, by
 * one process at a time (flock). If the file was renamed or removed (logrotate,
 * reaper --forget), the next write begins a new one. An incomplete line that a
 * killed process left behind is removed when the file is opened.
 */
#ifndef COMMON_OS_APPEND_FILE_H
#define COMMON_OS_APPEND_FILE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct append_file {
	const char *path;     /* borrowed */
	int flags;            /* further flags of open(2) */
	int64_t lock_wait_ms; /* how long to wait for another process */
	int fd;               /* private; -1: closed */
};

/* Returns 0, or -1 with errno: EWOULDBLOCK if another process has the lock. */
int append_file_open(struct append_file *f) __attribute__((warn_unused_result));

/* Appends complete lines; sync: they are on the disk afterwards. Returns -1
 * with errno; then the file has none of them. */
int append_file_write(struct append_file *f, const struct buf *lines, bool sync)
    __attribute__((warn_unused_result));

void append_file_close(struct append_file *f);

#endif
