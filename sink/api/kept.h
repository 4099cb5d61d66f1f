/*
 * kept: whether rows of a metric are kept of the tenant at all. Where none ever
 * was stored, a sum of them says nothing of what happened: it is not 0, but not
 * known. A metric's rows are none either until the first of them comes.
 */
#ifndef SINK_API_KEPT_H
#define SINK_API_KEPT_H

#include "sink/api/question.h"

/* *is: the tenant has a row of the metric (of aggregator -a). False: the answer
 * is a problem. */
bool kept_find(struct question *q, const char *metric, bool *is)
    __attribute__((warn_unused_result));

/* Which of the metrics have no row of the tenant: names with ", " between them.
 * False: the answer is a problem. */
bool kept_lacking(struct question *q, const char *const *metrics, size_t n,
    struct buf *lacking) __attribute__((warn_unused_result));

#endif
