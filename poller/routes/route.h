/*
 * route: finds the handler of a request in a table of methods and paths. The
 * answer to an unknown path is 404, to an unknown method of a path 405 with
 * Allow, both in the shape of the original services, {"detail":"Not Found"}.
 *
 * Patterns: see path_pattern.h.
 *
 * To add a route: its handler below, with the fields of its body beside it, its
 * row in route_table.c with what describes it, the shape of its answer in
 * route_openapi.c, its tests.
 */
#ifndef POLLER_ROUTES_ROUTE_H
#define POLLER_ROUTES_ROUTE_H

#include "common/http/web.h"

#include <stddef.h>

struct listener_context;
struct validate_model;

/* Makes the answer, like a web_handler whose context is the listener's. */
typedef void route_handler(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a);

/* What the routes have in common that description (route_openapi.c) has. */
enum route_group {
	ROUTE_HEALTH,
	ROUTE_MESSAGE,
	ROUTE_ANALYTICS,
	ROUTE_HOOK,
	ROUTE_ORIGINAL,
	ROUTE_METRICS,
};

/* answer and body are shapes (common/text/openapi.h); success says what the
 * answer means, NULL: nothing. */
struct route {
	enum web_method method;
	const char *pattern;
	route_handler *handle;
	enum route_group group;
	const char *id, *summary, *answer, *body, *success;
};

extern const struct route routes[];
extern const size_t routes_n;

/* Answers any request; context is a struct listener_context. */
web_handler route_answer;

/* Makes the answer {"detail":TEXT}. */
void route_detail(struct web_answer *a, int status, const char *text);

/* The handlers, by file. */
route_handler route_root;              /* route_service.c */
route_handler route_health;            /* route_service.c */
route_handler route_messages_health;   /* route_service.c */
route_handler route_analytics_health;  /* route_service.c */
route_handler route_messages_send;     /* route_messages.c */
route_handler route_events_one;        /* route_events.c */
route_handler route_events_bulk;       /* route_events.c */
route_handler route_message_analytics; /* route_analytics.c */
route_handler route_openapi;           /* route_openapi.c */
route_handler route_metrics;           /* route_service.c */
route_handler route_hook;              /* route_hooks.c */
route_handler route_original_webhook;  /* route_originals.c */
route_handler route_original_resolve;  /* route_originals.c */

/* Appends the description that route_openapi answers. */
void route_openapi_write(struct buf *to, size_t max_events);

/* The bodies that they accept, and objects in these, each in the file of its
 * route. */
extern const struct validate_model route_model_send, route_model_event,
    route_model_analytics, route_model_content, route_model_sentiment,
    route_model_intent;

#endif
