/*
 * serve_metrics: GET /metrics of sink --serve: its requests, and how fresh each
 * tenant's rows are, for Prometheus, which gives up after ten seconds: so they
 * are not asked for behind the requests of people, and by a connection that
 * does not wait as long for a database that hangs.
 */
#ifndef SINK_SERVE_SERVE_METRICS_H
#define SINK_SERVE_SERVE_METRICS_H

#include "common/http/web.h"

struct db;
struct serve_metrics;

/* With a connection of its own like db, which is borrowed. Owned. */
struct serve_metrics *serve_metrics_open(const struct db *db)
    __attribute__((warn_unused_result));

/* No request may be under way. NULL is fine. */
void serve_metrics_close(struct serve_metrics *m);

/* The handler; its context is a struct serve. Clients of other machines get
 * 404: there is no token to tell them apart. */
web_handler serve_metrics_answer;

#endif
