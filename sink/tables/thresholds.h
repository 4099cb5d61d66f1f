/*
 * thresholds: views of the database make the alerts and trends of several
 * aggregators, because a threshold applies to the sum over the shards. The
 * views read the thresholds from the table metric_settings. Only `sink
 * --migrate` fills it, from the configuration ([aggregator] alert_minute and so
 * on). So it does with the definition of the metrics, by which the sink knows
 * what the present is made of (sink/responses/response_span.c).
 */
#ifndef SINK_TABLES_THRESHOLDS_H
#define SINK_TABLES_THRESHOLDS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"

/* Stores the thresholds of conf, in a transaction and after the migration. */
enum outcome thresholds_write(struct db *db, const struct conf *conf)
    __attribute__((warn_unused_result));

/* Appends to differ, in words, where the table and conf differ; nothing when
 * they agree. */
enum outcome thresholds_compare(struct db *db, const struct conf *conf,
    struct buf *differ) __attribute__((warn_unused_result));

#endif
