/*
 * event_counts: access to the counts of metric_event_counts.c, for an input
 * whose publisher expects them back (aggregator/eventcounter). The metric must
 * be selected, and its counts must be saved in a state.
 */
#ifndef AGGREGATOR_METRICS_EVENT_COUNTS_H
#define AGGREGATOR_METRICS_EVENT_COUNTS_H

#include "aggregator/metrics/streaming_metric.h"

/* Calls back for each pair of user and event; the texts are valid until
 * keyed_state_home_drop(). */
void event_counts_each(struct streaming_metrics *f,
    void (*each)(void *ctx, struct text user, struct text event, uint64_t n),
    void *ctx);

/* Moves the counts of a user to an alias, which may already have some. */
void event_counts_rename(
    struct streaming_metrics *f, struct text user, struct text alias);

#endif
