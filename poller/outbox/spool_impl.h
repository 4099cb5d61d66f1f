/*
 * spool_impl: what spool.c, spool_recover.c and spool_lost.c share. Private to
 * spool*.c; each calls the next one.
 */
#ifndef POLLER_OUTBOX_SPOOL_IMPL_H
#define POLLER_OUTBOX_SPOOL_IMPL_H

#include <pthread.h>

#include "poller/outbox/spool.h"
#include "poller/outbox/spool_mark.h"

#define SPOOL_MARK "acknowledged"

struct spool_file {
	uint64_t number; /* of its first line */
	uint64_t safe;   /* bytes that are synced */
	bool gone;       /* removed by somebody else */
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
	bool mark_lost; /* whether lines are missing is unknown */

	pthread_mutex_t guard;    /* of what follows */
	struct spool_file *files; /* in order; the last one is added to */
	size_t n, cap;
	uint64_t bytes; /* safe ones, of all files */

	/* Of the thread that adds. */
	int fd;           /* of the last part; -1: none is open */
	uint64_t written; /* to it */
	uint64_t number;  /* of the line that is added next */
	uint64_t synced;  /* the same at the last sync */
	struct buf frame;
	bool fresh;   /* the folder with the file's name is not synced */
	bool spoiled; /* what was added since the last sync is lost */

	/* Of the thread that reads: offset within files[at]. */
	size_t at;
	uint64_t offset;
	uint64_t last; /* number of the line that was read last */
	/* The same at the last confirm, after which files[0] is read on. */
	uint64_t confirmed, confirmed_last;
	int from; /* the file; -1: none is open */
	struct buf chunk;
};

/* The path of the file whose first line has that number. Owned. */
char *spool_path(const struct spool *b, uint64_t number);

/* Reads what earlier runs left: the files, the counts, and the number of the
 * next line; logs if lines are missing. The mark is open. -1, the code and
 * *why: it cannot be read, or is of an earlier version. */
int spool_recover(struct spool *b, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* spool_lost.c, in this order.
 *
 * The files are known: whether the mark can tell what is missing, and the
 * number that must come first. Returns the one before it. */
uint64_t spool_lost_begin(struct spool *b);

/* The next whole line has that number: those before it that did not come are
 * lost. */
void spool_lost_before(struct spool *b, uint64_t number);

/* So are those up to that number. */
void spool_lost_up_to(struct spool *b, uint64_t last);

/* All files are read. Logs what is lost, and sets the mark anew where it could
 * not tell, or nothing is left. taken: of spool_lost_begin(). -1: errno. */
int spool_lost_end(struct spool *b, uint64_t taken)
    __attribute__((warn_unused_result));

#endif
