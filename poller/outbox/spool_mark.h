/*
 * spool_mark: a file beside a spool with two numbers: its last line that was
 * acknowledged, and its last that is safe elsewhere. They distinguish a write
 * that a crash has torn from lines that were cut later, and old files that were
 * put back from new ones.
 *
 * Each number has two slots that are written in turn, so that a torn write
 * leaves the other. They are synced only before files are removed: after a loss
 * of power they may be older than the files, never newer, and never so old that
 * files are missed. Two threads may write one number each.
 */
#ifndef POLLER_OUTBOX_SPOOL_MARK_H
#define POLLER_OUTBOX_SPOOL_MARK_H

#include <stdbool.h>
#include <stdint.h>

enum spool_mark_kind {
	SPOOL_ACKNOWLEDGED, /* the last line whose request was answered */
	SPOOL_TAKEN,        /* the last one that is safe elsewhere */
	SPOOL_MARKS
};

struct spool_mark {
	int fd;
	bool made;    /* the file was missing */
	bool damaged; /* one of the numbers is unknown */
	uint64_t n[SPOOL_MARKS], turn[SPOOL_MARKS];
};

/* Makes the file if it is missing. -1: errno. */
int spool_mark_open(struct spool_mark *m, const char *path)
    __attribute__((warn_unused_result));
void spool_mark_close(struct spool_mark *m);

/* Writes one of the numbers. -1: errno. */
int spool_mark_write(struct spool_mark *m, enum spool_mark_kind what,
    uint64_t n) __attribute__((warn_unused_result));

/* Syncs both. -1: errno. */
int spool_mark_sync(const struct spool_mark *m)
    __attribute__((warn_unused_result));

#endif
