/*
 * barred_rows: rows that must not be stored again. (Rows that the database
 * rejects are handled by run_halves() in batch_store.c.) Marks such rows in a
 * batch, and lists refused rows of snapshots in the table refused_rows, so that
 * the end of their snapshot counts them.
 *
 * A row is barred if its chat has a newer tombstone, if its snapshot is older
 * than the stored one, if its tenant was removed, or if it is older than
 * tombstones are kept, measured from the newest snapshot or, for chats, from
 * newest_at. Tombstones bar rows of history only if closing a chat deletes
 * history, too ([reaper] on_close); history is never barred by age.
 */
#ifndef SINK_STORE_BARRED_ROWS_H
#define SINK_STORE_BARRED_ROWS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

struct barred_rows {
	/* private */
	struct db *db;
	int64_t keep_ms;
	bool all;
	struct db_bulk *bulk; /* into refused_rows */
};

/* db is borrowed. keep_ms: how long tombstones are kept; all: they also bar
 * history. */
void barred_rows_init(
    struct barred_rows *r, struct db *db, int64_t keep_ms, bool all);
void barred_rows_release(struct barred_rows *r);

/* Sets the fate of each row. Call in the transaction, with the tenants locked
 * (tenant_locks.h). */
enum outcome barred_rows_decide(const struct barred_rows *r,
    struct row_batch *b) __attribute__((warn_unused_result));

/* Call after the other rows are stored: records the batch's bad rows, and those
 * that became bad or have a tombstone, unless their snapshot is complete or
 * replaced. */
enum outcome barred_rows_store(struct barred_rows *r, struct row_batch *b)
    __attribute__((warn_unused_result));

#endif
