/*
 * refusals: which rows of a batch must not be stored, and the list of those of
 * snapshots in the table refused_rows, by which the end of their snapshot
 * counts them.
 *
 * Refused is a row of a chat with a newer tombstone, of a snapshot older than
 * the stored one, of a removed tenant, and one older than tombstones are kept,
 * by the newest snapshot or, of chats, by newest_at. Tombstones refuse rows of
 * history only if closing a chat deletes history too ([reaper] on_close), their
 * age never does.
 */
#ifndef SINK_STORE_REFUSALS_H
#define SINK_STORE_REFUSALS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

struct refusals {
	/* private */
	struct db *db;
	int64_t keep_ms;
	bool all;
	struct db_bulk *bulk; /* into refused_rows */
};

/* db is borrowed. keep_ms: how long tombstones are kept; all: they refuse
 * history too. */
void refusals_init(
    struct refusals *r, struct db *db, int64_t keep_ms, bool all);
void refusals_release(struct refusals *r);

/* In the transaction, with the tenants locked (tenant_locks.h): sets the fate
 * of each row. */
enum outcome refusals_decide(const struct refusals *r, struct row_batch *b)
    __attribute__((warn_unused_result));

/* After the others are stored: records the bad rows of the batch, and those
 * that became bad or have a tombstone, unless their snapshot is past. */
enum outcome refusals_store(struct refusals *r, struct row_batch *b)
    __attribute__((warn_unused_result));

#endif
