/*
 * daemon_metrics: metrics for Prometheus from a daemon that reads a queue. The
 * daemon has no address that Prometheus could query, so it writes a file for
 * node_exporter's textfile collector, messaging_PROGRAM_QUEUE.prom in [metrics]
 * folder, every few seconds and at its end. The file is replaced as a whole.
 * Each sample has the labels program and queue, because node_exporter reads
 * several such files as one.
 *
 * Counters begin at 0 when the process starts, as Prometheus expects. If the
 * folder cannot be written, this causes one warning and the program continues.
 *
 * One thread uses it. All functions accept NULL, for a run that is not a daemon
 * or without a folder.
 */
#ifndef COMMON_MONITORING_DAEMON_METRICS_H
#define COMMON_MONITORING_DAEMON_METRICS_H

#include "common/conf/conf.h"
#include "common/monitoring/prometheus.h"

#include <stdbool.h>
#include <stdint.h>

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
