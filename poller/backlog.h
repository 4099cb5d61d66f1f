/*
 * backlog: lines kept on the disk while the broker is away: the listener's
 * spool. Files of a folder, each a row of whole lines, written one after the
 * other, read in the same order, and removed when what is in them is safe
 * elsewhere.
 *
 * Commit point: backlog_sync(). What was added before it is found again after
 * kill -9 and loss of power; what was added after it may be there or not. The
 * end of a file that is no whole line is cut when the folder is opened: nobody
 * was told that it is safe.
 *
 * A file goes when all its lines were published, so a crash in between
 * publishes some of them a second time. They are the same records with the
 * same identities, which whoever reads them knows; it does no harm.
 *
 * A file that somebody removed or moved while it was in use is told and passed
 * over; what is added to it afterwards does not become safe.
 *
 * One thread adds and syncs, another one reads and removes; a lock guards what
 * they share and is not held during I/O.
 */
#ifndef POLLER_BACKLOG_H
#define POLLER_BACKLOG_H

#include "common/buf.h"
#include "common/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backlog;

/* Opens the folder, made if need be, and its parent; takes its lock. max is
 * the size of all files together. NULL, the code and *why: another listener
 * holds it (TEMPFAIL), it cannot be made or read. Owned. */
struct backlog *backlog_open(const char *dir, uint64_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* NULL is fine. Files stay, but for empty ones. */
void backlog_close(struct backlog *b);

/* Whole lines, each with its newline. -1: nothing of it was added, *why says
 * whether it is full or cannot be written. */
int backlog_add(struct backlog *b, const char *lines, size_t len,
    struct buf *why) __attribute__((warn_unused_result));

/* 0: all that was added is safe. -1: nothing since the last sync is, nor will
 * it be read; *why. */
int backlog_sync(struct backlog *b, struct buf *why)
    __attribute__((warn_unused_result));

/* The next lines that are safe, about `most` bytes of them and at least one.
 * 1, 0 when there are no more, -1 and *why. Borrowed until the next call. */
int backlog_next(struct backlog *b, const char **lines, size_t *len,
    size_t most, struct buf *why) __attribute__((warn_unused_result));

/* All that was returned is safe elsewhere: files that were read to their end
 * go, but for the one that is added to. */
void backlog_taken(struct backlog *b);

/* The same when nobody adds now and nothing is left: that one goes as well. */
void backlog_clear(struct backlog *b);

/* What was returned and not taken comes again. */
void backlog_again(struct backlog *b);

/* True when nothing is kept. */
bool backlog_is_empty(struct backlog *b);

/* How many lines a torn end was cut from when it was opened, and how many
 * bytes are kept. */
unsigned backlog_torn(const struct backlog *b);
uint64_t backlog_bytes(struct backlog *b);

const char *backlog_dir(const struct backlog *b);

#endif
