/*
 * barred_rows: rows that must not return; what the database refuses:
 * batch_store.c, run_halves(). Marks those of a batch, and lists the refused
 * rows of snapshots in the table refused_rows, by which the end of their
 * snapshot counts them.
 *
 * Barred is a row of a chat with a newer tombstone, of a snapshot older than
 * the stored one, of a removed tenant, and one older than tombstones are kept,
 * by the newest snapshot or, of chats, by newest_at. Tombstones refuse rows of
 * history only if closing a chat deletes history too ([reaper] on_close), their
 * age never does.
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

/* db is borrowed. keep_ms: how long tombstones are kept; all: they refuse
 * history too. */
void barred_rows_init(
    struct barred_rows *r, struct db *db, int64_t keep_ms, bool all);
void barred_rows_release(struct barred_rows *r);

/* In the transaction, with the tenants locked (tenant_locks.h): sets the fate
 * of each row. */
enum outcome barred_rows_decide(const struct barred_rows *r,
    struct row_batch *b) __attribute__((warn_unused_result));

/* After the others are stored: records the bad rows of the batch, and those
 * that became bad or have a tombstone, unless their snapshot is past. */
enum outcome barred_rows_store(struct barred_rows *r, struct row_batch *b)
    __attribute__((warn_unused_result));

#endif
