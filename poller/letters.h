/*
 * letters: dead letters of a listener that has no queue for them: files in a
 * folder of its state, one a day (UTC), YYYY-MM-DD.ndjson, which go when they
 * are older than dead letters are kept. For one thread.
 */
#ifndef POLLER_LETTERS_H
#define POLLER_LETTERS_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

struct letters;

/* The folder is made with the first letter. Owned. */
struct letters *letters_open(const char *dir, int64_t keep_ms)
    __attribute__((warn_unused_result));
/* NULL is fine. */
void letters_close(struct letters *l);

/* A line without its newline, at that time. -1 and *why. */
int letters_write(struct letters *l, const char *line, size_t len,
    int64_t now_ms, struct buf *why) __attribute__((warn_unused_result));

/* Makes what was written safe. -1 and *why. */
int letters_flush(struct letters *l, struct buf *why)
    __attribute__((warn_unused_result));

#endif
