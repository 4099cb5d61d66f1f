/*
 * serve_routes: the table of paths; see serve_routes.h.
 */
#include "sink/serve/serve_routes.h"

#include <stdbool.h>

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"
#include "sink/api/question.h"
#include "sink/serve/board_files.h"
#include "sink/serve/live_events.h"
#include "sink/serve/login.h"
#include "sink/serve/serve_api.h"
#include "sink/serve/serve_metrics.h"

static const struct {
	enum web_method method;
	const char *pattern; /* see path_pattern.h */
	web_handler *answer;
} routes[] = {
	{ WEB_GET, "/", board_files_answer },
	{ WEB_GET, "/login", board_files_answer },
	{ WEB_GET, "/board/{file}", board_files_answer },
	{ WEB_GET, "/api/v1/now/stream", live_events_answer },
	{ WEB_GET, "/metrics", serve_metrics_answer },
	{ WEB_POST, "/login", login_answer },
	{ WEB_POST, "/logout", logout_answer },
};

static bool
route_takes(enum web_method method, const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (routes[i].method == method &&
		    path_pattern_fits(routes[i].pattern, path))
			return true;
	}
	return false;
}

static void
refuse_method(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	(void)context;
	problem_answer(a, 405, "this path does not take that method");
	a->allow = web_allow(
	    route_takes(WEB_GET, r->path), route_takes(WEB_POST, r->path));
}

web_handler *
serve_route(const struct web_request *r)
{
	bool found = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (!path_pattern_fits(routes[i].pattern, r->path))
			continue;
		if (routes[i].method == r->method)
			return routes[i].answer;
		found = true;
	}
	return found ? refuse_method : serve_api_answer;
}
