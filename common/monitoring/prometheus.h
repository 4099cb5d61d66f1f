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

enum prometheus_type {
	PROMETHEUS_COUNTER,
	PROMETHEUS_GAUGE,
	PROMETHEUS_HISTOGRAM,
};

/* help: a sentence, of one line. */
void prometheus_head(struct buf *to, const char *name,
    enum prometheus_type type, const char *help);

/* Labels are a text that grows by one label a call. The value may be any
 * UTF-8. */
void prometheus_label(struct buf *labels, const char *name, const char *value);

/* A sample with labels, "" for none: a count, or milliseconds as seconds. */
void prometheus_sample(
    struct buf *to, const char *name, const char *labels, uint64_t n);
void prometheus_sample_seconds(
    struct buf *to, const char *name, const char *labels, int64_t ms);

/* The same with one label, or none (label NULL, its value ""). */
void prometheus_count(struct buf *to, const char *name, const char *label,
    const char *value, uint64_t n);
void prometheus_seconds(struct buf *to, const char *name, const char *label,
    const char *value, int64_t ms);

/* A counter of one sample. */
void prometheus_total(struct buf *to, const char *name, const char *labels,
    const char *help, uint64_t n);

/* One sample of a counter that is divided by its label `result`. */
void prometheus_result(struct buf *to, const char *name, const char *labels,
    const char *result, uint64_t n);

/* A metric of one sample without a label. */
void prometheus_counter(
    struct buf *to, const char *name, const char *help, uint64_t n);
void prometheus_gauge(
    struct buf *to, const char *name, const char *help, uint64_t n);

/* Durations counted by their length, up to half a minute and above. */
#define PROMETHEUS_DURATIONS 14
struct prometheus_durations {
	uint64_t within[PROMETHEUS_DURATIONS + 1];
	int64_t sum_ms;
};

void prometheus_observe(struct prometheus_durations *d, int64_t ms);

/* The samples of a histogram; its head is the caller's. */
void prometheus_histogram(struct buf *to, const char *name, const char *labels,
    const struct prometheus_durations *d);

/* messaging_build_info: the program and its version. */
void prometheus_build_info(struct buf *to);

#endif
