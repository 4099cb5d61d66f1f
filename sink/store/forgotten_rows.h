/*
 * forgotten_rows: rows that arrive about a customer whom `reaper --forget`
 * erased. Queues, spools and the state of a stream may still contain them. They
 * are not refused, because metrics count them: they are changed in the same way
 * as the reaper changed the rows that it found, so that it makes no difference
 * which came first. reaper/rights/personal_tables.c says what the reaper does
 * with each table; a test compares both (tests/e2e/forget.t).
 *
 * A message, receipt or event after the erasure is not changed, nor is a chat
 * opened later: the customer has returned. Rows with counts by user do not show
 * which part is from before, so the alias stays there forever.
 */
#ifndef SINK_STORE_FORGOTTEN_ROWS_H
#define SINK_STORE_FORGOTTEN_ROWS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* The content of the table `forgotten`. A zeroed struct is empty. */
struct forgotten_rows {
	struct strmap tenants;
};

/* Changes the batch's rows that are about an erased customer. Call it in the
 * transaction, with the tenants locked and `stored` read. Values then point
 * into f. May be called again for the same batch. */
enum outcome forgotten_rows_apply(struct forgotten_rows *f, struct db *db,
    struct row_batch *b) __attribute__((warn_unused_result));

void forgotten_rows_release(struct forgotten_rows *f);

#endif
