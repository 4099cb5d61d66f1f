/*
 * route_messages: see route.h.
 */
#include "poller/route.h"

void
route_messages_send(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	(void)r;
	route_detail(a, 404, "Not Found");
}
