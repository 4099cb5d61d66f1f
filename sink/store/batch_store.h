/*
 * batch_store: stores one batch in one transaction.
 *
 *   0 before it, add rows of new tenants (tenant_locks.h)
 *   1 lock the batch's rows in `tenants` (tenant_locks.h)
 *   2 refuse rows that must not return (barred_rows.h). Rows about an erased
 *     customer lose what identifies the customer (forgotten_rows.h)
 *   3 skip the rows of flushes that do not follow the tenant's last one; store
 *     the state of those that do and are not stored yet (flush_heads.h)
 *   4 judge intervals by hours and targets (judge_row.h), and
 *     upsert the other rows in the order of row_compare(), the newest version
 *     wins; a row that the database refuses is found by halving, and its
 *     neighbours are stored
 *   5 record refused rows, so that the end of their snapshot counts them
 *   6 if a snapshot is complete: remove what it no longer has
 *   7 list the hours whose sums must be computed later (sums_due.h)
 *   8 COMMIT
 *
 * Guarantee: after OUTCOME_DONE, every row of the batch is stored, is refused
 * for one of those reasons, or has the fate ROW_BAD and a reason. Every step
 * may be repeated: rows are complete values and the newest wins, refusals have
 * keys, and only a newer snapshot removes rows. Therefore a COMMIT whose answer
 * was lost is repeated.
 *
 * If the database is lost, db_transaction() in common/db/db.c repeats the
 * transaction on a new connection.
 */
#ifndef SINK_STORE_BATCH_STORE_H
#define SINK_STORE_BATCH_STORE_H

#include "common/db/db.h"
#include "common/hours/terms.h"
#include "sink/rollup/sums_due.h"
#include "sink/rows/batch.h"
#include "sink/store/barred_rows.h"
#include "sink/store/flush_heads.h"
#include "sink/store/forgotten_rows.h"

struct batch_store {
	struct db *db;

	/* private */
	const struct terms_book *terms;
	unsigned slot;         /* for tenant_lock_share() */
	struct strmap tenants; /* for tenant_locks_prepare() */
	struct db_bulk *upsert[TABLES];
	struct barred_rows barred;
	struct flush_heads flush_heads;
	struct forgotten_rows forgotten;
	struct due_hours due;
	struct row_batch *batch;
	struct arena_mark mark; /* the arena before the first attempt */
	struct sink_row **sent; /* the rows of the current upsert */
	size_t sent_cap;
};

/* terms are borrowed: intervals are judged by them. keep_ms, all: see
 * barred_rows_init(). */
void batch_store_init(struct batch_store *s, struct db *db,
    const struct terms_book *terms, int64_t keep_ms, bool all);
void batch_store_release(struct batch_store *s);

/* Stores a batch that batch_sort() has sorted. */
enum outcome store_batch(struct batch_store *s, struct row_batch *b,
    bool wait_forever) __attribute__((warn_unused_result));

#endif
