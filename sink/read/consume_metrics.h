/*
 * consume_metrics: what the sink tells Prometheus as a daemon: rows by what
 * came of them, snapshots, transactions (daemon_metrics.h has the rest).
 */
#ifndef SINK_READ_CONSUME_METRICS_H
#define SINK_READ_CONSUME_METRICS_H

#include "sink/read/consume.h"

/* NULL without [metrics] folder. c->in is open. Owned. */
struct daemon_metrics *consume_metrics_open(struct consume *c,
    const struct conf *conf) __attribute__((warn_unused_result));

/* The group is acknowledged. */
void consume_metrics_stored(struct consume *c, const struct batch_group *g);

#endif
