/*
 * serve_routes: see serve_routes.h.
 */
#include "sink/serve/serve_routes.h"

#include <stdbool.h>

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"
#include "sink/api/problem.h"
#include "sink/serve/login.h"
#include "sink/serve/serve_api.h"

static const struct serve_route serve_routes[] = {
	{ "/login", WEB_POST, login_answer },
	{ "/logout", WEB_POST, logout_answer },
};

static void
refuse_method(struct web_answer *a, bool get, bool post)
{
	problem_answer(a, 405, "this path does not take that method");
	a->allow = !post ? "GET" : !get ? "POST" : "GET, POST";
}

void
serve_routes_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve_route *route;
	bool get = false, post = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(serve_routes); i++) {
		route = &serve_routes[i];
		if (!path_pattern_fits(route->pattern, r->path))
			continue;
		if (route->method == r->method) {
			route->handle(context, r, a);
			return;
		}
		get = get || route->method == WEB_GET;
		post = post || route->method == WEB_POST;
	}
	if (get || post)
		refuse_method(a, get, post);
	else
		serve_api_answer(context, r, a);
}
