/*
 * serve_routes: the paths of sink --serve that are no resources of the API.
 *
 * To add a path: its handler in a file of its own, and its row in
 * serve_routes.c. A handler runs in a thread of the server, so it must not
 * wait: what asks the database goes to the queue (web_answer.later). It finds
 * out itself who asks, see serve.h.
 */
#ifndef SINK_SERVE_SERVE_ROUTES_H
#define SINK_SERVE_SERVE_ROUTES_H

#include "common/http/web.h"

/* The handler of a request, whose context is a struct serve. Never NULL: what
 * the table does not have is answered by the API. */
web_handler *serve_route(const struct web_request *r)
    __attribute__((warn_unused_result));

#endif
