/*
 * route_hooks: what routes of webhooks share.
 */
#ifndef POLLER_ROUTES_ROUTE_HOOKS_H
#define POLLER_ROUTES_ROUTE_HOOKS_H

#include "common/http/web.h"
#include "poller/hooks/hook.h"
#include "poller/hooks/listener_context.h"

#include <stdbool.h>

/* False and 413 when the body is longer than that of a webhook may be. */
bool route_hook_fits(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a);

/* On the hook's lane. What a delivery says that was found authentic: records,
 * or a dead letter where nobody understands it. False when it is no JSON. */
bool route_hook_take(const struct listener_context *in, const struct hook *h,
    const struct web_request *r, struct web_answer *a);

#endif
