/*
 * route_table: the table of routes, and the search for a request's row; see
 * route.h.
 */
#include "poller/routes/route.h"

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"

const struct route routes[] = {
	{ WEB_GET, "/", route_root },
	{ WEB_GET, "/health", route_health },
	{ WEB_GET, "/api/v1/health", route_messages_health },
	{ WEB_GET, "/api/v1/analytics/health", route_analytics_health },
	{ WEB_POST, "/api/v1/messages/send", route_messages_send },
	{ WEB_POST, "/api/v1/analytics/events", route_events_one },
	{ WEB_POST, "/api/v1/analytics/events/bulk", route_events_bulk },
	{ WEB_POST, "/api/v1/analytics/messages/analytics",
	    route_message_analytics },
	{ WEB_GET, "/openapi.json", route_openapi },
	{ WEB_GET, "/metrics", route_metrics },
	{ WEB_POST, "/hooks/{tenant}/{source}", route_hook },
	{ WEB_POST, "/hooks/{tenant}/{source}/{secret}", route_hook },
	{ WEB_POST, "/webhook", route_original_webhook },
	{ WEB_POST, "/resolve", route_original_resolve },
};

const size_t routes_n = ARRAY_LEN(routes);

/* The row of the request; NULL: none. */
static const struct route *
find_route(enum web_method method, const char *path)
{
	size_t i;

	for (i = 0; i < routes_n; i++) {
		if (routes[i].method == method &&
		    path_pattern_fits(routes[i].pattern, path))
			return &routes[i];
	}
	return NULL;
}

void
route_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct route *found = find_route(r->method, r->path);
	bool get = find_route(WEB_GET, r->path) != NULL;
	bool post = find_route(WEB_POST, r->path) != NULL;

	if (found != NULL) {
		found->handle(context, r, a);
	} else if (get || post) {
		route_detail(a, 405, "Method Not Allowed");
		a->allow = web_allow(get, post);
	} else {
		route_detail(a, 404, "Not Found");
	}
}
