/*
 * tombstone_expiry: deletes old tombstones and old entries of refused_rows.
 * Their age is measured in the CRM's time, back from the tenant's newest
 * snapshot, or from tenants.newest_at, as a stream has no snapshots; like the
 * age of the rows that the sink refuses as older than tombstones are kept.
 */
#ifndef REAPER_ROWS_TOMBSTONE_EXPIRY_H
#define REAPER_ROWS_TOMBSTONE_EXPIRY_H

#include "common/db/db.h"

/* Deletes rows older than keep_ms in small transactions and counts them in
 * *deleted. Errors are logged; returns the exit code. */
enum exit_code tombstone_expiry_run(struct db *db, int64_t keep_ms,
    uint64_t *deleted) __attribute__((warn_unused_result));

#endif
