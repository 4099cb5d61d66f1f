/*
 * cost: what the schedule will cost, as poller --check says it: with a state
 * and without one.
 */
#ifndef POLLER_QUOTA_COST_H
#define POLLER_QUOTA_COST_H

#include "common/base/buf.h"
#include "poller/client/tenant.h"
#include "poller/quota/forecast.h"

#include <stdbool.h>
#include <stdint.h>

struct cost {
	bool state;               /* polls have one */
	struct forecast forecast; /* so, */
	struct forecast other;    /* and if it were otherwise */
	int64_t used;             /* calls this month; -1: not known */
};

bool cost_is_affordable(const struct cost *c, const struct tenant *t);

/* In words, with the way out if there is need of one. */
void cost_describe(
    const struct cost *c, const struct tenant *t, struct buf *to);

/* Members of a JSON object; the forecasts only if they are known. */
void cost_json(
    const struct cost *c, const struct tenant *t, bool known, struct buf *to);

#endif
