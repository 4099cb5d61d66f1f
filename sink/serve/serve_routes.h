/*
 * serve_routes: which handler a request to sink --serve goes to, by path and
 * method. What has no row is a request to the API (serve_api.h).
 *
 * To add a path: its handler, a web_handler with a struct serve_context, in a
 * file of its own, and its row in serve_routes.c. A handler runs in a thread of
 * the server, so it must not wait: what asks the database goes to the context's
 * queue (web_answer.later). Who asks it finds out itself (request_viewer.h).
 */
#ifndef SINK_SERVE_SERVE_ROUTES_H
#define SINK_SERVE_SERVE_ROUTES_H

#include "common/http/web.h"

struct serve_route {
	const char *pattern; /* see path_pattern.h */
	enum web_method method;
	web_handler *handle;
};

/* Answers any request, or leaves it to the handler's queue. */
web_handler serve_routes_answer;

#endif
