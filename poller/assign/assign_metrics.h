/*
 * assign_metrics: what poller --assign tells Prometheus as a daemon: what came
 * of the reservations and of its calls (daemon_metrics.h has the rest).
 */
#ifndef POLLER_ASSIGN_ASSIGN_METRICS_H
#define POLLER_ASSIGN_ASSIGN_METRICS_H

#include "common/monitoring/daemon_metrics.h"
#include "poller/assign/assigner.h"

struct assign_counts {
	uint64_t lines; /* read, bad ones included */
	uint64_t ended[RESERVATION_RESULTS];
	size_t in_hand;                    /* read and not acknowledged */
	const struct assigners *assigners; /* whose calls they are; open */
};

/* counts are borrowed until the close. NULL without [metrics] folder. Owned. */
struct daemon_metrics *assign_metrics_open(
    const struct conf *conf, const char *queue, struct assign_counts *counts)
    __attribute__((warn_unused_result));

#endif
