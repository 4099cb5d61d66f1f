/*
 * kept: whether any rows of a metric are stored for the tenant. If no row was
 * ever stored, the sum is unknown rather than 0. A metric also has no rows
 * until its first one is stored.
 *
 * Metrics of the present also have no rows if there are no present data, which
 * the tenant's totals then show.
 *
 * A metric has its name in aggregator -a; a table that no metric writes has its
 * own name. Tables and metrics that are named here must exist.
 */
#ifndef SINK_API_KEPT_H
#define SINK_API_KEPT_H

#include "common/db/db.h"
#include "sink/api/question.h"

#include <stdbool.h>
#include <stdint.h>

/* Returns the metric to which a table belongs. */
const char *kept_metric(const char *table);

/* Metrics for which the tenant has no row; a zeroed struct has none. */
#define KEPT_LACKING 8
struct kept_lacking {
	const char *metrics[KEPT_LACKING]; /* borrowed */
	size_t n;
};

/* If an answer is empty, adds the metric if the tenant has no row of it; at
 * most KEPT_LACKING in all. Returns false if the answer is now a problem. */
bool kept_find_if_empty(struct question *q, bool empty, const char *metric,
    struct kept_lacking *l) __attribute__((warn_unused_result));
bool kept_lacks(const struct kept_lacking *l, const char *metric);

/* Appends the names, separated by ", ". */
void kept_add_lacking(const struct kept_lacking *l, struct buf *to);

/* Appends the member not_kept of an answer: these names, or null. */
void kept_write_lacking(const struct kept_lacking *l, struct buf *to);

#endif
