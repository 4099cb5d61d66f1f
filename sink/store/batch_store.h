/*
 * batch_store: one batch, one transaction.
 *
 *   1 lock the batch's rows of `tenants`, shared; exclusively when a snapshot
 *     ends in it
 *   2 refuse what must not come back: rows of chats with a newer tombstone, of
 *     a snapshot older than the stored one, of a removed tenant, and those
 *     that are older than tombstones are kept; history only where a closing
 *     takes history, too
 *   3 upsert the rest in the order of keys, the newest wins; a row that the
 *     database refuses is found by halving, its neighbours are stored
 *   4 note refused rows, so that the end of their snapshot can count them
 *   5 where a snapshot is whole: sweep
 *   6 COMMIT
 *
 * Why the lock: the reaper writes tombstones under the exclusive lock. Looking
 * for tombstones without the shared one lets a closed chat back in, when both
 * run at the same time.
 *
 * Guarantee: after OUTCOME_DONE every row of the batch is stored, was
 * refused for one of the reasons above, or has the fate ROW_BAD and a reason.
 * Everything may be done twice: rows are full values and the newest wins,
 * refusals have keys, a sweep is only done by a newer snapshot. So a COMMIT
 * whose answer got lost is simply repeated.
 */
#ifndef SINK_STORE_BATCH_STORE_H
#define SINK_STORE_BATCH_STORE_H

#include "common/db/db.h"
#include "sink/store/batch.h"

struct store {
	struct db *db;
	int64_t keep_ms; /* how long tombstones are kept */
	bool all;        /* they forbid history, too: [reaper] on_close */

	/* private */
	struct db_bulk *upsert[TABLES];
	struct db_bulk *refuse;
	struct batch *batch;
	struct arena_mark mark; /* of the arena before the first try */
	struct row **sent;      /* the rows of the upsert that is running */
	size_t sent_cap;
};

void store_init(struct store *s, struct db *db, int64_t keep_ms, bool all);
void store_release(struct store *s);

/* Stores a batch that batch_sort() has put in order. */
enum outcome store_batch(struct store *s, struct batch *b, bool wait_forever)
    __attribute__((warn_unused_result));

#endif
