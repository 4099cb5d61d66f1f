/*
 * server_metrics: what a server counts, as metrics of Prometheus.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_METRICS_H
#define COMMON_HTTP_SERVER_SERVER_METRICS_H

#include "common/base/buf.h"
#include "common/http_server/server_counts.h"

void server_metrics_write(struct buf *to, const struct server_counts *counts);

#endif
