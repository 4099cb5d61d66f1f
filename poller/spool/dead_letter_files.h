/*
 * dead_letter_files: dead letters of a listener that has no queue for them:
 * files in a folder of its state, one a day (UTC), YYYY-MM-DD.ndjson, which go
 * when they are older than dead letters are kept. For one thread.
 */
#ifndef POLLER_SPOOL_DEAD_LETTER_FILES_H
#define POLLER_SPOOL_DEAD_LETTER_FILES_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct dead_letter_files;

/* The folder is made with the first letter. Owned. */
struct dead_letter_files *dead_letter_files_open(
    const char *dir, int64_t keep_ms) __attribute__((warn_unused_result));
/* NULL is fine. */
void dead_letter_files_close(struct dead_letter_files *l);

/* A line without its newline, at that time. -1 and *why. */
int dead_letter_files_write(struct dead_letter_files *l, const char *line,
    size_t len, int64_t now_ms, struct buf *why)
    __attribute__((warn_unused_result));

/* Makes what was written safe. -1 and *why. */
int dead_letter_files_flush(struct dead_letter_files *l, struct buf *why)
    __attribute__((warn_unused_result));

#endif
