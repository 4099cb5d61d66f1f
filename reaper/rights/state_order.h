/*
 * state_order: asks the aggregator of a stream, or the event counter, to forget
 * a customer, by a file in its state (common/records/forget_order.h), and waits
 * until it has.
 */
#ifndef REAPER_RIGHTS_STATE_ORDER_H
#define REAPER_RIGHTS_STATE_ORDER_H

#include "common/base/prog.h"
#include "reaper/rights/subject.h"

#include <stdbool.h>

/* Whether the folder is such a state. */
bool state_order_takes(const char *dir);

/* Writes the order, which the aggregator carries out now or when it starts. The
 * subject is recorded. PROG_OK, and *wait_ms: how long it may take, 0: no
 * aggregator runs; or the code and *why. */
enum exit_code state_order_write(const struct subject *s, const char *dir,
    int64_t *wait_ms, struct buf *why) __attribute__((warn_unused_result));

/* PROG_OK: it is done. PROG_TEMPFAIL and *why: it is not. */
enum exit_code state_order_wait(const struct subject *s, const char *dir,
    int64_t wait_ms, struct buf *why) __attribute__((warn_unused_result));

#endif
