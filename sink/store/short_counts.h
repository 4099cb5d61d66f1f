/*
 * short_counts: detects counts of an aggregator that began with an empty state
 * although rows of its previous state exist. These rows are newer but their
 * counts are too small, and they would replace the earlier counts.
 *
 * A row of counts has the time of the tenant's first record in its state
 * (`since`). The tenant's row of tenant_metrics shows how far the stored rows
 * go (as_of). `since` is later than as_of only if the state was lost. Then this
 * is logged, and rows of counts are not stored, except those for a whole hour,
 * minute or window after `since`. The row of tenant_metrics is not stored
 * either, so this continues until one of these is done:
 *
 *   the state is restored
 *   the records are replayed into the empty state, whose `since` is then early
 *   the tenant's row of tenant_metrics is deleted: counts begin from 0
 *
 * The check is impossible if tenant_metrics has no row for the tenant, or a row
 * from a snapshot, whose version is its own time.
 */
#ifndef SINK_STORE_SHORT_COUNTS_H
#define SINK_STORE_SHORT_COUNTS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

/* A zeroed struct is ready for use. */
struct short_counts {
	/* private */
	struct strmap known; /* "TENANT SINCE" -> a verdict */
};

void short_counts_release(struct short_counts *s);

/* Sets the fate of rows whose counts are too small. Call in the transaction,
 * with `stored` of the tenants read, after barred_rows_decide(). */
void short_counts_decide(struct short_counts *s, struct row_batch *b);

#endif
