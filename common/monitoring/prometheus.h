/*
 * prometheus: writes metrics in Prometheus' text format, 0.0.4: a head for each
 * metric (HELP, TYPE), then its samples, in order.
 *
 * Names begin with messaging_, are in base units (seconds, bytes), and those of
 * counters end in _total. No id of a person, a chat or a message is a label:
 * each combination of labels costs the server memory for ever. The name of a
 * tenant is one. No sample has a timestamp: node_exporter would refuse the
 * file.
 */
#ifndef COMMON_MONITORING_PROMETHEUS_H
#define COMMON_MONITORING_PROMETHEUS_H

#include "common/base/buf.h"

#include <stdint.h>

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prometheus_type { PROMETHEUS_COUNTER, PROMETHEUS_GAUGE };

/* help: a sentence, of one line. */
void prometheus_head(struct buf *to, const char *name,
    enum prometheus_type type, const char *help);

/* A sample with one label, or none (label NULL, its value ""). The value of the
 * label may be any UTF-8. */
void prometheus_count(struct buf *to, const char *name, const char *label,
    const char *value, uint64_t n);
/* Milliseconds, as seconds. */
void prometheus_seconds(struct buf *to, const char *name, const char *label,
    const char *value, int64_t ms);

/* A metric of one sample without a label. */
void prometheus_counter(
    struct buf *to, const char *name, const char *help, uint64_t n);
void prometheus_gauge(
    struct buf *to, const char *name, const char *help, uint64_t n);

/* messaging_build_info: the program and its version. */
void prometheus_build_info(struct buf *to);

#endif
