/*
 * close: reads the CRM's answers about chats and deletes the chats that are
 * closed or gone from the database.
 *
 * A file or a pipe is read to its end, then its answers are carried out; of a
 * queue those of each batch are. A transaction (transaction.h) handles at most
 * CLOSE_BATCH chats of one tenant.
 *
 * `gone` may be a mistake of the CRM, of a token, or ours. So when many of a
 * tenant's chats are gone at once, none of them is deleted unless --force says
 * that it is right: of a file or a pipe all gone chats count together, and none
 * is deleted when the input was cut or lacks some of them; a queue has no end,
 * so there the gone chats of the last hour count together.
 */
#ifndef REAPER_CLOSE_CLOSE_H
#define REAPER_CLOSE_CLOSE_H

#include "common/db/db.h"
#include "common/output/output_table.h"
#include "common/stage/stage.h"
#include "reaper/close/answers.h"
#include "reaper/close/summary.h"
#include "reaper/files/archive.h"

#define CLOSE_BATCH 1000

struct close {
	/* Set by the caller; all borrowed. */
	struct db *db;
	struct stage *stage;     /* its input and dead letters are used,
				    its code is set; the input may be NULL,
				    then close_handle() is called with the
				    one record of --gone */
	struct archive *archive; /* NULL: none */
	bool all;                /* [reaper] on_close = all */
	bool force, dry_run;
	bool by_batch; /* each batch is carried out: the input is a queue */
	bool from_queue;
	bool wait_forever;
	int64_t percent, least; /* see close_gone_is_too_many() */
	int64_t ahead_ms;       /* by which `at` may be; 0: any time counts */

	/* The result. */
	struct summary summary;
	struct buf would_go;             /* dry run: the rows, */
	struct output_table would_table; /* and the chats */
	bool refused;                    /* gone chats were kept */

	/* Private. */
	struct answers answers;
	size_t next;     /* the answers before it were carried out */
	bool whole;      /* no line of the input is missing */
	uint64_t unsure; /* gone chats of an input that is not whole */
	struct buf rows; /* dry run: of the current transaction */
	struct db_bulk *tombstones;
	struct buf why; /* of a failure outside the database */
	enum exit_code why_code;
};

void close_init(struct close *c);

/* Functions for struct stage; ctx is a struct close. */
enum outcome close_handle(void *ctx, char *line, size_t len);
enum outcome close_flush(void *ctx);

/* Call after the input: carries out what was not yet. whole: all of the input
 * was read; if not, the gone chats are left for another run. */
enum outcome close_finish(struct close *c, bool whole)
    __attribute__((warn_unused_result));

void close_release(struct close *c);

/* Whether so many gone chats of so many known ones look like a mistake: more
 * than `least`, and more than percent of the known ones. */
bool close_gone_is_too_many(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least);

#endif
