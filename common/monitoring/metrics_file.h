/*
 * metrics_file: a file of metrics in [metrics] folder, which node_exporter's
 * textfile collector reads: written beside, as PATH.new, and renamed, so that
 * it never sees half of one.
 */
#ifndef COMMON_MONITORING_METRICS_FILE_H
#define COMMON_MONITORING_METRICS_FILE_H

#include "common/base/buf.h"

#include <stdbool.h>

/* Replaces the file. That it cannot be written is a warning, unless *failed
 * says that the last time it could not be either; sets *failed. */
void metrics_file_write(const char *path, const struct buf *text, bool *failed);

#endif
