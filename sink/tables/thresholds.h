/*
 * thresholds: alerts and trends of several aggregators are made by views of the
 * database, because a threshold needs the sum over the parts. The views read
 * the thresholds from the table metric_settings; the configuration,
 * [aggregator] alert_minute and so on, is what fills it: whoever migrates
 * writes them, nobody else.
 */
#ifndef SINK_TABLES_THRESHOLDS_H
#define SINK_TABLES_THRESHOLDS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"

/* Within a transaction, with the tables there: stores those of conf. */
enum outcome thresholds_write(struct db *db, const struct conf *conf)
    __attribute__((warn_unused_result));

/* Appends to differ, in words, where the table is not what conf says: nothing
 * when it is. */
enum outcome thresholds_compare(struct db *db, const struct conf *conf,
    struct buf *differ) __attribute__((warn_unused_result));

#endif
