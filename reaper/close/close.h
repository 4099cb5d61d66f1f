/*
 * close: reads the CRM's answers about chats and deletes chats that are closed
 * or gone from the database.
 *
 * A file or pipe is read to its end before its answers are handled; a queue is
 * handled batch by batch. A transaction (transaction.h) handles at most
 * CLOSE_BATCH chats of one tenant.
 *
 * A chat may be reported as gone by mistake: through an error in the CRM, a
 * wrong token, or a bug of ours. Therefore, if many of a tenant's chats are
 * gone at once, none of them is deleted without --force. In a file or pipe, all
 * gone chats count together, and none is deleted if the input was truncated or
 * incomplete. In a queue, those of a batch count together with the ones that
 * this run has deleted before.
 */
#ifndef REAPER_CLOSE_CLOSE_H
#define REAPER_CLOSE_CLOSE_H

#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/os/file.h"
#include "common/stage/stage.h"
#include "reaper/close/answers.h"

#define CLOSE_BATCH 1000

/* The results of a run for a tenant. */
struct close_counts {
	uint64_t open, closed, gone; /* answers of the CRM */
	uint64_t deleted;            /* chats that had rows */
	uint64_t deleted_gone;       /* the gone ones of these */
	uint64_t newer;              /* kept: seen open later */
	uint64_t refused;            /* kept: too many gone at once */
};

/* A run of the reaper over the answers. */
struct close_run {
	/* Set by the caller; everything is borrowed. */
	struct db *db;
	struct stage *stage;        /* provides input and dead letters, and gets
				     * the code */
	struct append_file archive; /* without a path: none */
	bool all;                   /* [reaper] on_close = all */
	bool force, dry_run;
	bool from_queue;        /* handle each batch, except in a dry run */
	int64_t percent, least; /* see close_gone_is_too_many() */
	int64_t ahead_ms;       /* how far `at` may be ahead; 0: any time is
				 * accepted */

	/* The result. */
	struct strmap counts;   /* tenant -> struct close_counts */
	struct answers answers; /* in a dry run all, with their fates */
	bool refused;           /* gone chats were kept */

	/* Private. */
	bool whole;          /* no line of the input is missing */
	uint64_t unsure;     /* gone chats of an incomplete input */
	bool archive_failed; /* which is logged; the stage has the code */
};

void close_init(struct close_run *c);

/* Functions for struct stage; ctx is a struct close_run. */
enum outcome close_handle(void *ctx, char *line, size_t len);
enum outcome close_flush(void *ctx);

/* Call after the input: handles the remaining answers. whole: all of the input
 * was read; otherwise gone chats are left for another run. */
enum outcome close_finish(struct close_run *c, bool whole)
    __attribute__((warn_unused_result));

void close_release(struct close_run *c);

/* True if `gone` out of `known` chats look like a mistake: more than `least`,
 * and more than percent of the known ones. */
bool close_gone_is_too_many(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least);

#endif
