/*
 * cost: the calls that the schedule will cost, as poller --check shows them:
 * with a state and without one.
 */
#ifndef POLLER_QUOTA_COST_H
#define POLLER_QUOTA_COST_H

#include "common/base/buf.h"
#include "poller/client/tenant.h"
#include "poller/quota/forecast.h"

#include <stdbool.h>
#include <stdint.h>

struct cost {
	bool state;               /* polls keep a state */
	struct forecast forecast; /* as configured, */
	struct forecast other;    /* and the other way, without or with one */
	int64_t used;             /* calls this month; -1: not known */
};

/* Whether the forecast is within the tenant's budget. */
bool cost_is_affordable(const struct cost *c, const struct tenant *t);

/* Appends it in words, with advice if it exceeds the budget. */
void cost_describe(
    const struct cost *c, const struct tenant *t, struct buf *to);

/* Appends members of a JSON object; the forecasts only if known. */
void cost_json(
    const struct cost *c, const struct tenant *t, bool known, struct buf *to);

#endif
