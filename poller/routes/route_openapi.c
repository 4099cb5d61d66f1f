/*
 * route_openapi: GET /openapi.json, the description of all routes. It is the
 * file openapi.json beside the profiles, as it is.
 */
#include "poller/routes/route.h"

#include "poller/hooks/listener_context.h"

void
route_openapi(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)r;
	buf_add(&a->body, buf_str(&in->openapi), in->openapi.len);
}
