/*
 * serve_routes: the paths of sink --serve that are no resources of the API.
 */
#ifndef SINK_SERVE_SERVE_ROUTES_H
#define SINK_SERVE_SERVE_ROUTES_H

#include "common/http/web.h"

/* The handler of a request, whose context is a struct serve. Never NULL: what
 * the table does not have is answered by the API. */
web_handler *serve_route(const struct web_request *r)
    __attribute__((warn_unused_result));

#endif
