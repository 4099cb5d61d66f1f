/*
 * route_table: the table of routes, and the search for a request's row; see
 * route.h.
 */
#include "poller/routes/route.h"

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"

const struct route routes[] = {
	{ WEB_GET, "/", route_root, ROUTE_HEALTH, "root", "Root", "@Root", NULL,
	    NULL },
	{ WEB_GET, "/health", route_health, ROUTE_HEALTH, "health", "Health",
	    "@Health", NULL, NULL },
	{ WEB_GET, "/api/v1/health", route_messages_health, ROUTE_HEALTH,
	    "health_api_v1", "Health of the message API", "@MessageHealth",
	    NULL, NULL },
	{ WEB_GET, "/api/v1/analytics/health", route_analytics_health,
	    ROUTE_HEALTH, "health_api_v1_analytics",
	    "Health of the analytics API", "@AnalyticsHealthResponse", NULL,
	    NULL },
	{ WEB_POST, "/api/v1/messages/send", route_messages_send, ROUTE_MESSAGE,
	    "send_message", "Send Message", "@MessageResponse",
	    "@MessageRequest", NULL },
	{ WEB_POST, "/api/v1/analytics/events", route_events_one,
	    ROUTE_ANALYTICS, "create_event", "Create Event", "@EventResponse",
	    "@EventCreate", NULL },
	{ WEB_POST, "/api/v1/analytics/events/bulk", route_events_bulk,
	    ROUTE_ANALYTICS, "create_bulk_events", "Create Bulk Events",
	    "[@EventResponse]", "@BulkEventCreate", NULL },
	{ WEB_POST, "/api/v1/analytics/messages/analytics",
	    route_message_analytics, ROUTE_ANALYTICS,
	    "process_message_analytics", "Process Message Analytics",
	    "@MessageAnalyticsResponse", "@MessageAnalyticsCreate", NULL },
	{ WEB_GET, "/openapi.json", route_openapi, ROUTE_HEALTH, "openapi",
	    "This description", "object", NULL, NULL },
	{ WEB_GET, "/metrics", route_metrics, ROUTE_METRICS, "metrics",
	    "Metrics", "text", NULL,
	    "The counts of this listener, in Prometheus' text format. "
	    "Answered to [listen] trusted, and to Prometheus on this "
	    "machine." },
	{ WEB_POST, "/hooks/{tenant}/{source}", route_hook, ROUTE_HOOK,
	    "webhook", "A CRM's webhook", "@HookTaken", "object",
	    "It is safe, also if nobody understood it" },
	{ WEB_POST, "/hooks/{tenant}/{source}/{secret}", route_hook, ROUTE_HOOK,
	    "webhook_with_secret", "A CRM's webhook", "@HookTaken", "object",
	    "It is safe, also if nobody understood it" },
	{ WEB_POST, "/webhook", route_original_webhook, ROUTE_ORIGINAL,
	    "original_webhook", "Custom agent allocation of Qiscus",
	    "@OriginalTaken", "object", NULL },
	{ WEB_POST, "/resolve", route_original_resolve, ROUTE_ORIGINAL,
	    "original_resolve", "Mark as resolved of Qiscus", "@OriginalTaken",
	    "object", NULL },
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
