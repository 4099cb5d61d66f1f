/*
 * spool: lines kept on the disk: the listener's spool, while the broker is
 * away, and what it knows of requests with a key. Files of a folder, each a row
 * of whole lines, written one after the other, read in the same order, and
 * removed when what is in them is safe elsewhere.
 *
 * Commit point: spool_sync(). What was added before it is found again after
 * kill -9 and loss of power; what was added after it may be there or not.
 *
 * Every line bears a number and a checksum (spool_line.h), and a file beside
 * them tells up to which number it was acknowledged, and up to which it is safe
 * elsewhere (spool_mark.h). So when the folder is opened, what was cut,
 * changed, removed or put back from an earlier time shows: one line says how
 * many records are missing, what is whole is read all the same, and a file of
 * which something is lost is kept beside as FILE.damaged. Only an end of which
 * nobody was told that it is safe is cut off without a word.
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
#ifndef POLLER_SPOOL_SPOOL_H
#define POLLER_SPOOL_SPOOL_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

/* What lines are there for, in words for who reads that some are missing. */
struct spool_kind {
	bool unsynced;    /* they need not survive a loss of power */
	const char *what; /* "records that ..." */
	const char *rest; /* what becomes of the others, and what to do */
};

extern const struct spool_kind spool_spool;

/* Opens the folder, made if need be, and its parent; takes its lock. max is
 * the size of all files together. NULL, the code and *why: another listener
 * holds it (TEMPFAIL), it cannot be made or read, it is of an earlier version
 * (CONFIG). Owned. */
struct spool *spool_open(const char *dir, const struct spool_kind *kind,
    uint64_t max, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* NULL is fine. Files stay, but for empty ones. */
void spool_close(struct spool *b);

/* Whole lines, each with its newline. -1: nothing of it was added, *why says
 * whether it is full or cannot be written. */
int spool_add(struct spool *b, const char *lines, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* 0: all that was added is safe. -1: nothing since the last sync is, nor will
 * it be read; *why. */
int spool_sync(struct spool *b, struct buf *why)
    __attribute__((warn_unused_result));

/* The next lines that are safe, about `most` bytes of them and at least one.
 * 1, 0 when there are no more, -1 and *why. Borrowed until the next call. */
int spool_next(struct spool *b, const char **lines, size_t *len, size_t most,
    struct buf *why) __attribute__((warn_unused_result));

/* All that was returned is safe elsewhere: files that were read to their end
 * go, but for the one that is added to. */
void spool_taken(struct spool *b);

/* The same when nobody adds now and nothing is left: that one goes as well. */
void spool_clear(struct spool *b);

/* Lines up to that number are not needed any more, the first being 1: files of
 * nothing else go. For who adds, when nobody reads. */
void spool_forget(struct spool *b, uint64_t number);

/* The number of the line that was added last, and of the one that was read
 * last. */
uint64_t spool_number(const struct spool *b);
uint64_t spool_number_read(const struct spool *b);

/* What was returned and not taken comes again. */
void spool_again(struct spool *b);

/* True when nothing is kept. */
bool spool_is_empty(struct spool *b);

/* When it was opened: lines are missing, or nobody can tell; and how many there
 * were. */
bool spool_is_damaged(const struct spool *b);
uint64_t spool_lines(const struct spool *b);

/* How many bytes are kept. */
uint64_t spool_bytes(struct spool *b);

const char *spool_dir(const struct spool *b);

#endif
