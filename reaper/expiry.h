/*
 * expiry: what is forgotten in time: tombstones, and the record of rows that
 * were refused. Age is counted in the CRM's time, behind the tenant's newest
 * snapshot, as the sink counts it when it refuses rows that are older than
 * the tombstones are kept.
 */
#ifndef REAPER_EXPIRY_H
#define REAPER_EXPIRY_H

#include "common/db/db.h"

/* Deletes traces older than keep_ms, in small transactions. *deleted counts
 * them. Errors are logged; the exit code is returned. */
enum exit_code expiry_run(struct db *db, int64_t keep_ms, uint64_t *deleted)
    __attribute__((warn_unused_result));

#endif
