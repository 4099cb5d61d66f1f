/*
 * batch_rollup: hands what a batch stores to the tables that are added up from
 * it, in sink/rollup: responses of operators and the tenant at once (rollup.h),
 * those of channels and analyses later (sums_due.h).
 */
#ifndef SINK_STORE_BATCH_ROLLUP_H
#define SINK_STORE_BATCH_ROLLUP_H

#include "sink/rollup/rollup.h"
#include "sink/rollup/sums_due.h"
#include "sink/rows/batch.h"

struct batch_rollup {
	struct rollup responses;
	struct sums_due due;
};

void batch_rollup_init(struct batch_rollup *r, struct db *db);
void batch_rollup_release(struct batch_rollup *r);

/* Within the transaction that stores the batch, as the last that it writes. */
enum outcome batch_rollup_store(struct batch_rollup *r,
    const struct row_batch *b) __attribute__((warn_unused_result));

#endif
