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

#include "common/db/db.h"
#include "sink/access/viewer.h"
#include "sink/api/question.h"

#include <stdbool.h>
#include <stdint.h>

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

/* Figures that several aggregators store in parts. The view that adds them up
 * groups all that a tenant has, whatever is asked of it; so it is read only
 * where the tenant has parts, else the table itself. */

/* Whether the tenant has rows in the table of parts. False: the answer is a
 * problem. */
bool sharded_find(struct question *q, const char *parts, bool *sharded)
    __attribute__((warn_unused_result));

/* Appends the name of what is to be read: the table, or the view TABLE_all.
 * parts: the table of parts that the view reads. False: the answer is a
 * problem. */
bool sharded_table(struct question *q, const char *table, const char *parts,
    struct buf *name) __attribute__((warn_unused_result));

/* A number that changes whenever a row does that /api/v1/now of the viewer's
 * tenant is made from. False: the tables cannot be read; it is logged. */
bool now_state(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    uint64_t *state) __attribute__((warn_unused_result));

#endif
