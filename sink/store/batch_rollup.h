/*
 * batch_rollup: hands what a batch stores to the tables that are added up from
 * it, in sink/rollup: responses rollup.h, quarters.h; analyses
 * analytics_hours.h.
 */
#ifndef SINK_STORE_BATCH_ROLLUP_H
#define SINK_STORE_BATCH_ROLLUP_H

#include "sink/rollup/quarters.h"
#include "sink/rollup/rollup.h"
#include "sink/rows/batch.h"

struct batch_rollup {
	struct db *db;
	struct rollup responses;
	struct quarters quarters;
	/* Of new analyses: name of a tenant -> struct strmap of ids. */
	struct strmap analyses;
};

void batch_rollup_init(struct batch_rollup *r, struct db *db);
void batch_rollup_release(struct batch_rollup *r);

/* Within the transaction: before analyses are stored, the last of its rows, and
 * after. */
enum outcome batch_rollup_before(struct batch_rollup *r,
    const struct row_batch *b) __attribute__((warn_unused_result));
enum outcome batch_rollup_after(struct batch_rollup *r,
    const struct row_batch *b) __attribute__((warn_unused_result));

/* Once all parts of the group are committed: what can wait, of the tenants of
 * the first. */
void batch_rollup_rest(struct batch_rollup *r, const struct row_batch *b);

#endif
