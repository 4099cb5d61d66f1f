/*
 * prometheus: writes metrics in Prometheus' text format 0.0.4: a head for each
 * metric (HELP, TYPE), followed by its samples.
 *
 * Names begin with messaging_, use base units (seconds, bytes), and end in
 * _total for counters. The id of a person, chat or message is never a label,
 * because each combination of labels permanently uses memory of the server; the
 * name of a tenant may be one. No sample has a timestamp: node_exporter would
 * refuse the file.
 */
#ifndef COMMON_MONITORING_PROMETHEUS_H
#define COMMON_MONITORING_PROMETHEUS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prometheus_type {
	PROMETHEUS_COUNTER,
	PROMETHEUS_GAUGE,
	PROMETHEUS_HISTOGRAM,
};

/* help: one sentence on one line. */
void prometheus_head(struct buf *to, const char *name,
    enum prometheus_type type, const char *help);

/* Labels are a text to which each call adds one label. The value may be any
 * UTF-8. */
void prometheus_label(struct buf *labels, const char *name, const char *value);

/* Add a sample with labels ("" for none): a count, or milliseconds as
 * seconds. */
void prometheus_sample(
    struct buf *to, const char *name, const char *labels, uint64_t n);
void prometheus_sample_seconds(
    struct buf *to, const char *name, const char *labels, int64_t ms);

/* Adds a counter with one sample. */
void prometheus_total(struct buf *to, const char *name, const char *labels,
    const char *help, uint64_t n);

/* Adds a sample of a counter that is divided by the label `result`. */
void prometheus_result(struct buf *to, const char *name, const char *labels,
    const char *result, uint64_t n);

/* Adds a gauge with one sample and no label. */
void prometheus_gauge(
    struct buf *to, const char *name, const char *help, uint64_t n);

/* Counts durations by length, up to half a minute and above. */
#define PROMETHEUS_DURATIONS 14
struct prometheus_durations {
	uint64_t within[PROMETHEUS_DURATIONS + 1];
	int64_t sum_ms;
};

void prometheus_observe(struct prometheus_durations *d, int64_t ms);

/* Adds the samples of a histogram; the caller adds its head. */
void prometheus_histogram(struct buf *to, const char *name, const char *labels,
    const struct prometheus_durations *d);

/* Adds messaging_build_info: the program and its version. */
void prometheus_build_info(struct buf *to);

/* Metrics from a daemon that reads a queue. It has no address that Prometheus
 * could query, so it writes a file for node_exporter's textfile collector,
 * messaging_PROGRAM_QUEUE.prom in [metrics] folder, every few seconds and at
 * its end. The file is replaced as a whole. Each sample has the labels program
 * and queue, because node_exporter reads several such files as one.
 *
 * Counters begin at 0 when the process starts, as Prometheus expects. If the
 * folder cannot be written, this causes one warning and the program continues.
 *
 * One thread uses it. All functions accept NULL, for a run that is not a daemon
 * or without a folder. */

struct daemon_metrics;

/* Adds the samples that are specific to this program. Each sample has these
 * labels, followed by its own. */
typedef void daemon_metrics_writer(
    void *ctx, struct buf *to, const char *labels);

/* queue: its name. more may be NULL; ctx is borrowed until the close. Returns
 * NULL without [metrics] folder. Owned. */
struct daemon_metrics *daemon_metrics_open(const struct conf *conf,
    const char *queue, daemon_metrics_writer *more, void *ctx)
    __attribute__((warn_unused_result));

/* Input was acknowledged: its effect is safe. ms: how long that took. */
void daemon_metrics_flushed(struct daemon_metrics *m, int64_t ms);

/* An operation has been retried n times since the last call. */
void daemon_metrics_retried(struct daemon_metrics *m, uint64_t n);

/* Sets the totals so far: lines read, including bad ones, and dead letters.
 * Writes the file if it is due; cheap enough to be called in each iteration. */
void daemon_metrics_count(
    struct daemon_metrics *m, uint64_t lines, uint64_t dead_letters);

/* Writes the file for the last time. */
void daemon_metrics_close(struct daemon_metrics *m);

/* Replaces a metrics file: writes PATH.new and renames it, so that readers
 * never see half of it. Warns if it cannot be written, unless *failed says that
 * the last attempt failed, too; sets *failed. */
void metrics_file_write(const char *path, const struct buf *text, bool *failed);

#endif
