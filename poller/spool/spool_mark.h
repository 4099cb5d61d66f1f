/*
 * spool_mark: how much of a spool was acknowledged, and how much of that is
 * safe elsewhere, in a file beside it: what tells an end that was torn from one
 * that was cut, and a file of an earlier time from one that is new.
 *
 * Each of the two numbers has two places that are written in turns, so that a
 * torn one leaves the other. They are not synced: after a loss of power they
 * may be older than the files, which then have more than they tell, never less.
 * The two may be told by a thread each.
 */
#ifndef POLLER_SPOOL_SPOOL_MARK_H
#define POLLER_SPOOL_SPOOL_MARK_H

#include <stdbool.h>
#include <stdint.h>

enum spool_told {
	SPOOL_ACKNOWLEDGED, /* the last line whose request was answered */
	SPOOL_TAKEN,        /* the last one that is safe elsewhere */
	SPOOL_TOLD
};

struct spool_mark {
	int fd;
	bool made;    /* it was not there */
	bool damaged; /* one of the numbers is not known */
	uint64_t n[SPOOL_TOLD], turn[SPOOL_TOLD];
};

/* Makes the file if it is missing. -1: errno. */
int spool_mark_open(struct spool_mark *m, const char *path)
    __attribute__((warn_unused_result));
void spool_mark_close(struct spool_mark *m);

/* -1: errno. */
int spool_mark_tell(struct spool_mark *m, enum spool_told what, uint64_t n)
    __attribute__((warn_unused_result));

#endif
