/*
 * daemon_metrics: what a daemon that reads a queue tells Prometheus. It has no
 * address to be asked at; so it writes a file for node_exporter's textfile
 * collector, messaging_PROGRAM_QUEUE.prom in [metrics] folder, every few
 * seconds and at its end, beside and renamed. Each sample has the labels
 * program and queue, because several such files are read as one.
 *
 * Counters begin at 0 with the process, as Prometheus expects. A folder that
 * cannot be written is one warning, and no reason to stop.
 *
 * One thread uses it. NULL, for a run that is not a daemon, or without a
 * folder, is fine for all functions.
 */
#ifndef COMMON_MONITORING_DAEMON_METRICS_H
#define COMMON_MONITORING_DAEMON_METRICS_H

#include "common/conf/conf.h"
#include "common/monitoring/prometheus.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon_metrics;

/* Adds what only this program has; each sample with these labels, and its own
 * behind them. */
typedef void daemon_metrics_writer(
    void *ctx, struct buf *to, const char *labels);

/* queue: its name. more may be NULL; ctx is borrowed until the close. NULL
 * without [metrics] folder. Owned. */
struct daemon_metrics *daemon_metrics_open(const struct conf *conf,
    const char *queue, daemon_metrics_writer *more, void *ctx)
    __attribute__((warn_unused_result));

/* Input was acknowledged: its effect is safe, which took ms. */
void daemon_metrics_flushed(struct daemon_metrics *m, int64_t ms);

/* Something is tried again, n times since the last call. */
void daemon_metrics_retried(struct daemon_metrics *m, uint64_t n);

/* The counts so far: lines read, bad ones included, and dead letters. Writes
 * the file if it is due; cheap, so that it may be called in each turn. */
void daemon_metrics_count(
    struct daemon_metrics *m, uint64_t lines, uint64_t dead_letters);

/* Writes it for the last time. */
void daemon_metrics_close(struct daemon_metrics *m);

/* Replaces a file of metrics: written beside, as PATH.new, and renamed, so that
 * its reader never sees half of one. That it cannot be written is a warning,
 * unless *failed says that the last time it could not be either; sets *failed.
 */
void metrics_file_write(const char *path, const struct buf *text, bool *failed);

#endif
