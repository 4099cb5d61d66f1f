/*
 * route_hooks: what route_hooks.c and route_originals.c, the routes of
 * webhooks, share.
 */
#ifndef POLLER_ROUTES_ROUTE_HOOKS_H
#define POLLER_ROUTES_ROUTE_HOOKS_H

#include "common/base/text.h"
#include "common/http/web.h"
#include "poller/hooks/hook.h"
#include "poller/hooks/listener_context.h"

#include <stdbool.h>

/* False and 413 when what is to be read of the body is longer than [listen]
 * max_hook. */
bool route_hook_fits(const struct listener_context *in, const struct hook *h,
    const struct web_request *r, size_t len, struct web_answer *a);

/* Turns an authentic delivery into records, or, when the profile cannot read
 * `body`, which may be a shorter form of the request's, a dead letter of all of
 * it. Returns the HTTP status: 200; 400, it is not JSON; or 403, it is of
 * another account, and a->body says so. In the thread of its queue. */
int route_hook_take(const struct listener_context *in, const struct hook *h,
    const struct web_request *r, struct text body, struct web_answer *a);

#endif
