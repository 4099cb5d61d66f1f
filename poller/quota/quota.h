/*
 * quota: when a tenant's CRM may be called: by the pace at which the month's
 * budget of calls lasts (pace.h), which skips polls.
 */
#ifndef POLLER_QUOTA_QUOTA_H
#define POLLER_QUOTA_QUOTA_H

#include "poller/client/tenant.h"
#include "poller/quota/pace.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* The month of the tenant's budget, by the calls that are committed. */
struct pace_month quota_month(
    const struct tenant *t, struct store *s, int64_t now_ms);

/* The present interval of polls in minutes; 1: every poll is made. */
unsigned quota_interval(
    const struct tenant *t, struct store *s, int64_t now_ms);

/* Whether the last poll began less than an interval ago (in minutes). */
bool quota_is_recent(struct store *s, unsigned interval, int64_t now_ms);

/* Notes that a poll begins. Returns the milliseconds since the one before, at
 * most PACE_SLOWEST minutes. */
int64_t quota_begin_poll(struct store *s, int64_t now_ms);

/* Warns once a day while polls are skipped. */
void quota_warn(const struct tenant *t, struct store *s, int64_t now_ms);

#endif
