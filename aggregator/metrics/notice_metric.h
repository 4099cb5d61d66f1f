/*
 * notice_metric: the streaming metric of the table notices. It keeps the
 * notices of aggregator/notices/notices.h in the state until they are over, and
 * makes their rows. A stream calls notice_metric_evaluate() in each flush; a
 * one-shot run does not, so it has no notices.
 *
 * If the metric is not selected or no rule applies to the tenant, nothing is
 * due, and the functions do nothing.
 */
#ifndef AGGREGATOR_METRICS_NOTICE_METRIC_H
#define AGGREGATOR_METRICS_NOTICE_METRIC_H

#include "aggregator/metrics/streaming_metric.h"
#include "aggregator/notices/notices.h"

/* Receives notices that have fired or are over. */
typedef void notice_metric_fn(void *ctx, const struct notice *n);

/* Evaluates the rules for a recomputed model. Call it before the tables are
 * saved. */
void notice_metric_evaluate(struct streaming_metrics *f, const struct model *m,
    notice_metric_fn *each, void *ctx);

/* See notices_due(). */
int64_t notice_metric_due(const struct streaming_metrics *f);

/* Passes all notices of the state again: for a state from a program that may
 * have died before it published them. */
void notice_metric_repeat(
    struct streaming_metrics *f, notice_metric_fn *each, void *ctx);

#endif
