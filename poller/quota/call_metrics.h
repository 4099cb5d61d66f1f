/*
 * call_metrics: what Prometheus is told of the calls to a tenant's CRM: how
 * many there were, by what came of them, and how many its budget leaves.
 *
 * A daemon adds its counts to its own metrics. A run that ends is gone before
 * anybody could ask it: it keeps them in a file for node_exporter,
 * messaging_calls_MODE_TENANT.prom in [metrics] folder. The counts go on from
 * those in the file, so that they grow from run to run; without it they begin
 * at 0, which Prometheus takes for a restart. Each mode has a file of its own,
 * since a poll and poller --status may end at one time.
 */
#ifndef POLLER_QUOTA_CALL_METRICS_H
#define POLLER_QUOTA_CALL_METRICS_H

#include "poller/quota/crm_session.h"

#include <stdint.h>

/* The head of the counts, then the samples of one mode and tenant, with these
 * labels before their own ("": none). */
void call_metrics_head(struct buf *to);
void call_metrics_add(struct buf *to, const char *labels, const char *mode,
    const char *tenant, const uint64_t results[CALL_RESULTS]);

/* Adds the calls of a run that ends to the tenant's file; a poll with a state
 * also adds what the budget leaves. */
void call_metrics_keep(const struct crm_session *s);

#endif
