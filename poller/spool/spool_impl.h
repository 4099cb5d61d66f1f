/*
 * spool_impl: what spool*.c share; nobody else includes it.
 */
#ifndef POLLER_SPOOL_SPOOL_IMPL_H
#define POLLER_SPOOL_SPOOL_IMPL_H

#include <pthread.h>

#include "poller/spool/spool.h"
#include "poller/spool/spool_mark.h"

#define SPOOL_MARK "acknowledged"

struct part {
	uint64_t number; /* of its first line */
	uint64_t safe;   /* bytes that are synced */
	bool gone;       /* somebody removed it; it is not ours to remove */
};

struct spool {
	char *dir;
	const struct spool_kind *kind;
	uint64_t max;
	int lock_fd;
	struct spool_mark mark;

	/* Found when it was opened. */
	uint64_t lines;
	uint64_t lost, lost_first, lost_last; /* numbers that are missing */
	bool aside;                           /* a damaged file was kept */
	bool mark_lost; /* nobody can tell whether something is missing */

	pthread_mutex_t guard; /* of what follows */
	struct part *parts;    /* in order; the last one is added to */
	size_t n, cap;
	uint64_t bytes; /* safe ones, of all parts */

	/* Of who adds. */
	int fd;           /* of the last part; -1: none is open */
	uint64_t written; /* to it */
	uint64_t number;  /* of the line that is added next */
	uint64_t synced;  /* the same at the last sync */
	struct buf frame;
	bool fresh;   /* the folder does not know the file yet */
	bool spoiled; /* what was added since the last sync is lost */

	/* Of who reads: what was read of the part at `at` of parts. */
	size_t at;
	uint64_t offset;
	uint64_t last; /* number of the line that was read last */
	int from;
	struct buf chunk;
};

char *spool_path(const struct spool *b, uint64_t number);

/* What earlier runs left: parts, counts, the number of the next line, and one
 * line on stderr if something is missing. The mark is open. -1, the code and
 * *why: it cannot be read, or is of an earlier version. */
int spool_load(struct spool *b, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

#endif
