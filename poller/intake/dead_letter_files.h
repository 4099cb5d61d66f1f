/*
 * dead_letter_files: dead letters of a listener that has no queue for them:
 * files in a folder of its state, one a day (UTC), YYYY-MM-DD.ndjson, which are
 * removed when they are older than keep_ms, whether others come or not. A file
 * is open, and locked, only from a write to the flush, so that reaper --forget
 * may rewrite it between two. For one thread.
 */
#ifndef POLLER_INTAKE_DEAD_LETTER_FILES_H
#define POLLER_INTAKE_DEAD_LETTER_FILES_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct dead_letter_files;

/* The folder is made with the first dead letter. Owned. */
struct dead_letter_files *dead_letter_files_open(
    const char *dir, int64_t keep_ms) __attribute__((warn_unused_result));
/* NULL is fine. */
void dead_letter_files_close(struct dead_letter_files *l);

/* Writes a line without its newline to the file of now_ms. -1 and *why. */
int dead_letter_files_write(struct dead_letter_files *l, const char *line,
    size_t len, int64_t now_ms, struct buf *why)
    __attribute__((warn_unused_result));

/* Removes files that are too old; at the first call, and then once a day. */
void dead_letter_files_expire(struct dead_letter_files *l, int64_t now_ms);

/* Syncs what was written. -1 and *why. */
int dead_letter_files_flush(struct dead_letter_files *l, struct buf *why)
    __attribute__((warn_unused_result));

#endif
