/*
 * sums_maker: makes the sums that are due (sink/rollup/sums_due.h) beside those
 * who store, over a connection of its own. Several sinks may have one each.
 */
#ifndef SINK_ROLLUP_SUMS_MAKER_H
#define SINK_ROLLUP_SUMS_MAKER_H

#include "common/db/db.h"

struct sums_maker;

/* Starts a thread. Owns db, and sums_maker_end() closes it. */
struct sums_maker *sums_maker_start(struct db *db)
    __attribute__((warn_unused_result));
void sums_maker_end(struct sums_maker *m);

/* Instead, at the end of a run that is not a daemon: those of a day at most, so
 * that the run ends soon. Closes db. */
void sums_maker_run(struct db *db);

#endif
