/*
 * route_hooks: what routes of webhooks share.
 */
#ifndef POLLER_ROUTE_HOOKS_H
#define POLLER_ROUTE_HOOKS_H

#include "poller/hook.h"
#include "poller/intake.h"
#include "poller/web.h"

#include <stdbool.h>

/* What a delivery says that was found authentic: records, or a dead letter
 * where nobody understands it. False when it is no JSON. */
bool route_hook_take(const struct intake *in, const struct hook *h,
    const struct web_request *r, struct web_answer *a);

#endif
