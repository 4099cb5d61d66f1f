/*
 * now_state: whether an answer of /api/v1/now can have changed, asked of the
 * tables with less work than the answer takes.
 */
#ifndef SINK_API_NOW_STATE_H
#define SINK_API_NOW_STATE_H

#include "common/db/db.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stdint.h>

/* A number that changes whenever a row does that /api/v1/now of the viewer's
 * tenant is made from. False: the tables cannot be read; it is logged. */
bool now_state(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    uint64_t *state) __attribute__((warn_unused_result));

#endif
