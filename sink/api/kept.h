/*
 * kept: whether rows of a metric are kept of the tenant at all. Where none ever
 * was stored, a sum of them says nothing of what happened: it is not 0, but not
 * known. A metric's rows are none either until the first of them comes.
 *
 * Of the present there are no rows either where there is nothing now; then the
 * totals of the tenant say that there is nothing.
 *
 * A metric has the name that aggregator -a takes, and what is made by none that
 * of its table; tables and metrics that are named here must exist.
 */
#ifndef SINK_API_KEPT_H
#define SINK_API_KEPT_H

#include "sink/api/question.h"

/* The metric that a table is of. */
const char *kept_metric(const char *table);

/* *is: the tenant has a row of the metric. False: the answer is a problem. */
bool kept_find(struct question *q, const char *metric, bool *is)
    __attribute__((warn_unused_result));

/* Metrics of which the tenant has no row; zeroed there are none. */
#define KEPT_LACKING 8
struct kept_lacking {
	const char *metrics[KEPT_LACKING]; /* borrowed */
	size_t n;
};

/* Adds those of the metrics that are lacking, at most KEPT_LACKING in all.
 * False: the answer is a problem. */
bool kept_find_lacking(struct question *q, const char *const *metrics, size_t n,
    struct kept_lacking *l) __attribute__((warn_unused_result));
/* The same of one metric, where there are no rows of it. */
bool kept_find_if_empty(struct question *q, const struct db_rows *rows,
    const char *metric, struct kept_lacking *l)
    __attribute__((warn_unused_result));
bool kept_lacks(const struct kept_lacking *l, const char *metric);

/* Histograms are not lacking where there are intervals, which alone tell what
 * they would. */
void kept_drop_derivable(struct kept_lacking *l);

/* Appends their names, with ", " between them. */
void kept_add_lacking(const struct kept_lacking *l, struct buf *to);

/* Appends the member not_kept of an answer: these names, or null. */
void kept_write_lacking(const struct kept_lacking *l, struct buf *to);

#endif
