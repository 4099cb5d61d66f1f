/*
 * check_metrics: what [aggregator] metrics lacks of what is read. It is advice:
 * an aggregator elsewhere may have another configuration, or options.
 */
#ifndef SINK_CHECK_CHECK_METRICS_H
#define SINK_CHECK_CHECK_METRICS_H

#include "sink/check/check_report.h"

enum outcome check_metrics(struct check_report *r)
    __attribute__((warn_unused_result));

#endif
