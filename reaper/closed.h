/*
 * closed: chat records in, rows out of the database.
 *
 * One transaction a batch of at most CLOSED_BATCH chats: lock the rows of
 * their tenants in `tenants` exclusively, leave alone every chat that was seen
 * open after the CRM was asked, write what goes to the archive and sync it,
 * delete, leave a tombstone dated when the CRM was asked, COMMIT. Sinks hold
 * the same lock shared, so that no row can slip in between.
 *
 * `gone` may be a mistake of the CRM, of a token, or ours; so when many of a
 * tenant's chats are gone at once nothing of them is done (principle 7). From
 * a file or a pipe the gone ones are held back until all of the input was
 * read; a queue has no end, there those of the last hour count together.
 */
#ifndef REAPER_CLOSED_H
#define REAPER_CLOSED_H

#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/endpoint/deadletter.h"
#include "common/endpoint/stage.h"
#include "reaper/closings.h"
#include "reaper/rows/archive.h"
#include "reaper/rows/rows.h"
#include "reaper/rows/run_summary.h"

#define CLOSED_BATCH 1000

struct closed {
	/* Set by the caller. */
	struct db *db;
	struct stage *stage;     /* its input and dead letters are used,
				    its code is set */
	struct archive *archive; /* NULL: none */
	bool all;                /* [reaper] on_close = all */
	bool force, dry_run;
	bool endless; /* the input is a queue */
	bool wait_forever;
	int64_t percent, least;

	/* The result. */
	struct run_summary tally;
	struct buf would_go;          /* dry run: rows, */
	struct out_table would_table; /* and chats */
	bool refused;                 /* too many were gone somewhere */

	/* Private. */
	struct closings batch, held;
	struct closing **now; /* what the transaction at hand deletes */
	size_t now_n;
	struct buf shown; /* dry run: and the rows of that */
	struct rows rows;
	struct db_bulk *tombstones;
	struct buf why; /* of a failure that is not the database's */
	enum exit_code why_code;
};

void closed_init(struct closed *c);

/* For struct stage; ctx is a struct closed. */
enum outcome closed_handle(void *ctx, char *line, size_t len);
enum outcome closed_flush(void *ctx);

/* After the input: what was held back. whole says whether all of the input
 * was read; if not, the gone chats wait for another run. */
enum outcome closed_finish(struct closed *c, bool whole)
    __attribute__((warn_unused_result));

void closed_release(struct closed *c);

#endif
