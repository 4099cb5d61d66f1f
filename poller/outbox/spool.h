/*
 * spool: a queue of lines on disk: requests during an outage of the broker
 * (outbox_spool.c), and keys of requests (idempotency). It is a folder of files
 * of whole lines, which are written one after the other, read in the same
 * order, and removed when their lines are safe elsewhere.
 *
 * Commit point: spool_sync(). Lines added before it are found again after kill
 * -9 and loss of power; lines added after it may be there or not.
 *
 * Every line has a number and a checksum (spool_line.h). A mark beside the
 * files holds the last number that was acknowledged, and the last that is safe
 * elsewhere (spool_mark.h). So opening the folder detects lines that were cut,
 * changed, removed or replaced by older ones: one log line says how many are
 * missing, the whole ones are read, and a file that lost something is kept as
 * FILE.damaged. Lines at the end that were never acknowledged are cut off
 * without a message.
 *
 * A file is removed when all its lines were published, so a crash publishes
 * some of them twice. They have the same identities; readers deduplicate.
 *
 * A file that is removed or moved while in use is logged and skipped; what is
 * added to it afterwards does not become safe.
 *
 * One thread adds and syncs, another one reads and removes; a lock guards what
 * they share and is not held during I/O.
 */
#ifndef POLLER_OUTBOX_SPOOL_H
#define POLLER_OUTBOX_SPOOL_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

/* What the lines are, for the message that some are missing. */
struct spool_kind {
	bool unsynced;    /* they need not survive a loss of power */
	const char *what; /* "records that ..." */
	const char *rest; /* what happens to the others, and what to do */
};

extern const struct spool_kind spool_spool;

/* Opens the folder, and makes it and its parent if missing; takes its lock.
 * max: bytes of all files together. NULL, the code and *why: another listener
 * holds it (TEMPFAIL), it cannot be made or read, it is of an earlier version
 * (CONFIG). Owned. */
struct spool *spool_open(const char *dir, const struct spool_kind *kind,
    uint64_t max, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Removes empty files; the others stay. NULL is fine. */
void spool_close(struct spool *b);

/* Adds whole lines, each with its newline. -1: none of them is added, *why says
 * whether the spool is full or cannot be written. */
int spool_add(struct spool *b, const char *lines, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* 0: all lines added are safe. -1 and *why: those since the last sync are lost,
 * and are not read. */
int spool_sync(struct spool *b, struct buf *why)
    __attribute__((warn_unused_result));

/* The next lines that are safe, about `most` bytes of them and at least one.
 * 1, 0 when there are no more, -1 and *why. Borrowed until the next call. */
int spool_next(struct spool *b, const char **lines, size_t *len, size_t most,
    struct buf *why) __attribute__((warn_unused_result));

/* The lines returned are safe elsewhere: removes files that were read to their
 * end, but for the one that is added to. */
void spool_confirm(struct spool *b);

/* The same when no line is left and none is being added: removes all files. */
void spool_clear(struct spool *b);

/* What is added from now on goes into a new file. For the thread that adds,
 * after a sync. */
void spool_end_file(struct spool *b);

/* Removes files of lines up to that number, the first being 1. For the thread
 * that adds, while none reads. */
void spool_remove_up_to(struct spool *b, uint64_t number);

/* The number of the line that was added last, and of the one that was read
 * last. */
uint64_t spool_number(const struct spool *b);
uint64_t spool_number_read(const struct spool *b);

/* Lines returned and not confirmed are returned again. */
void spool_rewind(struct spool *b);

/* True when it has no safe lines. */
bool spool_is_empty(struct spool *b);

/* When it was opened: whether lines were missing, or that could not be known;
 * and how many lines there were. */
bool spool_is_damaged(const struct spool *b);
uint64_t spool_lines(const struct spool *b);

/* Safe bytes of all files. */
uint64_t spool_bytes(struct spool *b);

const char *spool_dir(const struct spool *b);

#endif
