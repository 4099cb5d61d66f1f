/*
 * chat_deletion: reads chat records and deletes the chats that are closed or
 * gone from the database.
 *
 * A transaction handles a slice (delete_transaction.c) of at most
 * CHAT_DELETION_BATCH chats: it locks the rows of their tenants in `tenants`
 * exclusively, keeps every chat that was seen open after the CRM was asked,
 * writes the rows to the archive and syncs it, deletes them, leaves a tombstone
 * dated when the CRM was asked, and commits. Sinks hold the same lock shared,
 * so that no row is stored meanwhile.
 *
 * When many of a tenant's chats are gone at once, none of them is deleted
 * (gone_limit.h): from a file or a pipe the gone chats are held back until all
 * of the input is read; a queue has no end, so there the gone chats of the last
 * hour count together.
 */
#ifndef REAPER_DELETION_CHAT_DELETION_H
#define REAPER_DELETION_CHAT_DELETION_H

#include "common/conf/conf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/stage/deadletter.h"
#include "common/stage/stage.h"
#include "reaper/deletion/chat_answers.h"
#include "reaper/rows/archive.h"
#include "reaper/rows/run_summary.h"

#define CHAT_DELETION_BATCH 1000

struct chat_deletion {
	/* Set by the caller; all borrowed. */
	struct db *db;
	struct stage *stage;     /* its input and dead letters are used,
				    its code is set; the input may be NULL,
				    then chat_deletion_handle() is called
				    with the one record of --gone */
	struct archive *archive; /* NULL: none */
	bool all;                /* [reaper] on_close = all */
	bool force, dry_run;
	bool from_queue; /* the input has no end */
	bool wait_forever;
	int64_t percent, least; /* see gone_limit_exceeded() */
	int64_t ahead_ms;       /* by which `at` may be; 0: any time counts */

	/* The result. */
	struct run_summary summary;
	struct buf would_go;             /* dry run: the rows, */
	struct output_table would_table; /* and the chats */
	bool refused;                    /* too many of a tenant were gone */

	/* Private. */
	struct chat_answers batch;
	struct chat_answers held;   /* of the whole input: gone chats, and those
				       that are open; one that then was
				       closed is the batch's to delete */
	struct chat_answer **slice; /* the chats of the current transaction */
	size_t slice_n;
	struct buf shown;          /* dry run: the rows of the slice */
	struct strmap would_chats; /* dry run: those that were shown */
	struct db_bulk *tombstones;
	struct buf why; /* of a failure outside the database */
	enum exit_code why_code;
};

void chat_deletion_init(struct chat_deletion *c);

/* Functions for struct stage; ctx is a struct chat_deletion. */
enum outcome chat_deletion_handle(void *ctx, char *line, size_t len);
enum outcome chat_deletion_flush(void *ctx);

/* Call after the input: deletes the chats that were held back. whole: all of
 * the input was read; if not, the gone chats are left for another run. */
enum outcome chat_deletion_finish(struct chat_deletion *c, bool whole)
    __attribute__((warn_unused_result));

void chat_deletion_release(struct chat_deletion *c);

#endif
