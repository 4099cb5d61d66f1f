/*
 * serve_metrics: GET /metrics of sink --serve: its requests, and how fresh each
 * tenant's rows are, for Prometheus.
 */
#ifndef SINK_SERVE_SERVE_METRICS_H
#define SINK_SERVE_SERVE_METRICS_H

#include "common/http/web.h"

/* The handler; its context is a struct serve. Clients of other machines get
 * 404: there is no token to tell them apart. */
web_handler serve_metrics_answer;

#endif
