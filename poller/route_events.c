/*
 * route_events: see route.h.
 */
#include "poller/route.h"

void
route_events_one(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	(void)r;
	route_detail(a, 404, "Not Found");
}

void
route_events_bulk(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	(void)r;
	route_detail(a, 404, "Not Found");
}

void
route_message_analytics(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	(void)r;
	route_detail(a, 404, "Not Found");
}
