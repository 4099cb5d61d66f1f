/*
 * quota: whether a tenant's CRM may be called now: by the budget of calls a
 * month (budget.h), and by a pause that the CRM asked for (a hold), which is
 * kept in the state from run to run.
 */
#ifndef POLLER_QUOTA_QUOTA_H
#define POLLER_QUOTA_QUOTA_H

#include "common/base/prog.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Limits *f to the calls left this month, and lets it keep to the pause. False:
 * no call is left; that is not logged. */
bool quota_apply(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms);

/* The same for a run that ends: PROG_OK; or the exit code of a run that may not
 * begin, after logging. */
enum exit_code quota_check(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms);

/* Stores the time until which the CRM throttles *f, if it does. */
void quota_keep_hold(struct store *s, const struct fetch *f, int64_t now_ms);

#endif
