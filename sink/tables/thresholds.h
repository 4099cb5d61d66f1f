/*
 * thresholds: if there are several aggregators, database views compute alerts
 * and trends, because a threshold applies to the sum over the shards. The views
 * read the thresholds from the table metric_settings, which only `sink
 * --migrate` fills, from the configuration ([aggregator] alert_minute and so
 * on). It also stores the definition of the metrics, from which the sink
 * derives the present state (sink/responses/response_span.c).
 */
#ifndef SINK_TABLES_THRESHOLDS_H
#define SINK_TABLES_THRESHOLDS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"

/* Stores the thresholds of conf. Call in a transaction, after the migration. */
enum outcome thresholds_write(struct db *db, const struct conf *conf)
    __attribute__((warn_unused_result));

/* Appends to differ, in words, how the table and conf differ; nothing if they
 * agree. */
enum outcome thresholds_compare(struct db *db, const struct conf *conf,
    struct buf *differ) __attribute__((warn_unused_result));

#endif
